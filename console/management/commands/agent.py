import os
import signal
import sys
from argparse import ArgumentParser
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backups import history
from backups.policy import automation
from console.jobs import HANDLERS
from console.monitoring import figures as monitoring
from console.processes import home, locks
from console.processes.parent import die_with
from console.testing import hook_state as hooks
from instances.queue.agent import Agent


class Command(BaseCommand):
    help = "Run this host's agent: its database servers and the jobs on them. `manage.py up` starts it for you."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--parent-pid", type=int, help="end with this process, which started the agent")

    def handle(self, *args: Any, parent_pid: int | None, **options: Any) -> None:
        os.umask(0o077)
        if parent_pid:
            die_with(parent_pid)
        home.prepare(settings.CONSOLE_HOME)
        host = settings.CONSOLE_HOST
        lock = locks.acquire(locks.of_agent(settings.CONSOLE_HOME, host))
        if lock is None:
            raise CommandError(f"An agent for the host {host} is already running on {settings.CONSOLE_HOME}.")
        periodic = (tend, monitoring.check_storage, history.sample_storage)
        agent = Agent(host, HANDLERS, periodic=[partial(task, host) for task in periodic])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.stop())
        with lock:
            # Whoever had the lock before has ended; the lock's file has its token.
            if not agent.take_host(before=lock.read()):
                raise CommandError(
                    f"An agent for the host {host} is running elsewhere. Each agent needs a CONSOLE_HOST of its own."
                )
            locks.write(lock, agent.token)
            automation.begin()
            agent.run()
        # Threads that did not end in time must not keep the process; their jobs are settled at the next start.
        sys.stdout.flush()
        os._exit(0)


def tend(host: str, _now: datetime) -> None:
    """By the clock that tests may have moved; leases and signs of life go by the real one."""
    automation.tend(host, hooks.now())
