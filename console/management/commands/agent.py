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
from backups.policy import automation, clock
from backups.reporting import UnprotectedCheck
from console.jobs import JOBS
from console.monitoring import figures as monitoring
from console.notifications.courier import Courier
from console.processes import home, locks
from console.processes.limits import allow_most_descriptors
from console.processes.parent import die_with
from console.testing import hook_state as hooks
from console.testing.hook_work import SteeredWork
from instances.offline import OfflineCheck
from instances.queue.agent import Agent
from instances.queue.work import Work


class Command(BaseCommand):
    help = "Run this host's agent: its database servers and the jobs on them. `manage.py up` starts it for you."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--parent-pid", type=int, help="end with this process, which started the agent")

    def handle(self, *args: Any, parent_pid: int | None, **options: Any) -> None:
        os.umask(0o077)
        if parent_pid:
            die_with(parent_pid)
        allow_most_descriptors()
        home.prepare(settings.CONSOLE_HOME)
        host = settings.CONSOLE_HOST
        lock = locks.acquire(locks.of_agent(settings.CONSOLE_HOME, host))
        if lock is None:
            raise CommandError(f"An agent for the host {host} is already running on {settings.CONSOLE_HOME}.")
        periodic = (tend, monitoring.check_storage, history.sample_storage)
        agent = Agent(
            host,
            JOBS,
            periodic=[*(partial(task, host) for task in periodic), OfflineCheck(), UnprotectedCheck()],
            leave_alone=hooks.held,
            work=SteeredWork if hooks.active() else Work,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: agent.stop())
        with lock:
            # The previous holder of the lock has ended. Its token is in the lock file.
            if not agent.take_host(before=lock.read()):
                raise CommandError(
                    f"An agent for the host {host} is running elsewhere. Each agent needs a CONSOLE_HOST of its own."
                )
            locks.write(lock, agent.token)
            automation.begin()
            courier = Courier(host)
            courier.start()
            agent.run()
            courier.stop()
        # Threads that did not end in time must not keep the process alive. The next start settles their jobs.
        sys.stdout.flush()
        os._exit(0)


def tend(host: str, _now: datetime) -> None:
    """Tend the automated backups by their own clock. Leases and heartbeats use the real clock."""
    automation.tend(host, clock.now())
