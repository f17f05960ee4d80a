import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from console.jobs import JOBS
from console.processes import home, locks
from console.testing.reset import backups as backups_emptying
from console.testing.reset import instances as instances_emptying
from console.testing.reset import notifications as notifications_emptying
from console.testing.seed import console as seeding
from console.text.refused import Refused
from instances.engines.base import FilesInUse
from instances.models import Host

# The most seconds that a restarted agent needs to take its lock.
_AGENT_SECONDS = 30.0


class Command(BaseCommand):
    help = (
        "Empty the console: all instances with their servers and files, backups with their archives, tasks, "
        "restorations, the audit, notifications and their channels, and all users but superusers. "
        "The console may be running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--yes-destroy", type=Path, metavar="HOME", help="the console's home, to say that this one is meant"
        )

    def handle(self, *args: Any, yes_destroy: Path | None, **options: Any) -> None:
        here = Path(settings.CONSOLE_HOME)
        if not settings.CONSOLE_TEST_HOOKS and (yes_destroy is None or yes_destroy.expanduser().resolve() != here):
            raise CommandError(
                "Everything in this console would be lost. If that is what you want, say so with: "
                f"manage.py reset --yes-destroy {here}"
            )
        home.prepare(here)
        try:
            with ExitStack() as held:
                self.empty(here, running=not take_locks(here, held))
        except Refused as refusal:
            raise CommandError(str(refusal.message)) from None
        except (FilesInUse, OSError) as error:
            raise CommandError(f"Not everything could be removed: {error}. Run it again.") from None
        except OperationalError as error:
            raise CommandError(f"The console database cannot be used: {error}.") from None
        self.stdout.write(f"The console in {here} is empty.")

    def empty(self, here: Path, *, running: bool) -> None:
        host = settings.CONSOLE_HOST
        with_agent = instances_emptying.hosts_with_agent(host, running=running)
        instances_emptying.empty_by_agents(with_agent, JOBS)
        backups_emptying.empty()
        instances_emptying.empty_by_hand(host, locked=not running)
        Host.objects.exclude(name__in=with_agent).delete()
        seeding.forget()
        notifications_emptying.empty()


def take_locks(here: Path, held: ExitStack) -> bool:
    """Take the locks of `up` and the agent and return True; return False if this host's agent runs and has to help."""
    seeding_lock = locks.acquire(here / "seed.lock")
    if seeding_lock is None:
        raise CommandError("A seeding is running. Wait until that has ended.")
    held.enter_context(seeding_lock)
    up = locks.acquire(locks.of_up(here))
    if up:
        held.enter_context(up)
    deadline = time.monotonic() + _AGENT_SECONDS
    while True:
        agent = locks.acquire(locks.of_agent(here, settings.CONSOLE_HOST))
        if agent is None:
            return False
        if up:
            held.enter_context(agent)
            return True
        # `up` is running without its agent, so the agent is starting.
        agent.close()
        if time.monotonic() > deadline:
            raise CommandError("`manage.py up` is running and its agent is not. Stop it, or look at what it prints.")
        time.sleep(0.2)
