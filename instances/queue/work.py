"""A job running in its thread: its steps report progress, and the agent can make it end."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError, connections

from instances.choices import Step
from instances.models import Job
from instances.queue import leases
from instances.queue.job import JobFailed, LeaseLost
from instances.queue.pace import Amount, Pace, Reading
from instances.queue.record import Record

if TYPE_CHECKING:
    from instances.queue.supervisor import Supervisor


class Work:
    """The object that the agent passes to the steps of a claimed job. `servers` starts and stops database servers."""

    # Seconds between writes of the progress: often enough to look alive, at almost no cost.
    REPORT_EVERY = 0.5

    def __init__(self, job: Job, servers: "Supervisor") -> None:
        self.job = job
        self.servers = servers
        # Set by the agent when the job's last step has returned.
        self.ended = False
        self._stop_reason: str | None = None
        self._lost = False
        self._must_end = threading.Event()
        self._reported = 0.0
        self._step: Step | None = None
        self._pace = Pace()
        self.record = Record(job)

    def lose(self) -> None:
        """End the work at its next report, without another write, because its lease is lost."""
        self._lost = True
        self._must_end.set()

    def stop(self, reason: str) -> None:
        """Make the job fail with the reason at its next report."""
        self._stop_reason = reason
        self._must_end.set()

    def wait(self, seconds: float, report: Callable[[], None]) -> None:
        """Wait, and call report() meanwhile. An exception from report() ends the wait at once."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._must_end.wait(min(left, self.REPORT_EVERY))
            report()

    def begin(self, step: Step) -> None:
        """Note that the job's next step begins. Raises LeaseLost or JobFailed."""
        self._require_wanted()
        self.record.begin(step)

    def report(self, percent: float, amount: Amount | None = None) -> None:
        """Report the job's progress and how much of its current step is done. Raises LeaseLost or JobFailed."""
        self._require_wanted()
        now = time.monotonic()
        self._measure(now, amount)
        if now - self._reported < self.REPORT_EVERY:
            return
        self._reported = now
        assert self.job.token is not None
        try:
            # Only a completed job shows 100.
            leases.write_progress(self.job.token, min(int(percent), 99), self._reading(now, amount))
        except (OperationalError, InterfaceError):
            # Unwritten progress is no reason to fail. The next report checks again whether the job was cancelled.
            connections.close_all()

    def _require_wanted(self) -> None:
        if self._lost:
            raise LeaseLost
        if self._stop_reason is not None:
            raise JobFailed(self._stop_reason)

    def _measure(self, now: float, amount: Amount | None) -> None:
        if amount is None:
            return
        if amount.step is not self._step:
            self._step, self._pace = amount.step, Pace()
        self._pace.add(now, amount.done)

    def _reading(self, now: float, amount: Amount | None) -> Reading | None:
        if amount is None:
            return None
        speed, left = self._pace.speed(now), self._pace.left(now, amount.total)
        return Reading(amount.step, amount.done, amount.total, speed, left, at=time.time())
