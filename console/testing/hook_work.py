"""The test hook that slows the next backup or makes it fail. It acts when the backup's job reports progress."""

from functools import partial

from console.testing import hook_state as hooks
from console.text.messages import Message
from instances.choices import Step
from instances.models import Job
from instances.queue.job import JobFailed
from instances.queue.pace import Amount
from instances.queue.supervisor import Supervisor
from instances.queue.throttle import Throttle
from instances.queue.work import Work


class SteeredWork(Work):
    """Work that applies what tests requested of the next backup once its job starts to copy."""

    def __init__(self, job: Job, servers: Supervisor) -> None:
        super().__init__(job, servers)
        self._last = (0.0, 0)
        self._asked: hooks.NextBackup | None = None
        self._throttle = Throttle(0)

    def report(self, percent: float, amount: Amount | None = None) -> None:
        if amount is None or amount.step is not Step.COPY:
            super().report(percent, amount)
            return
        if self._asked is None:
            self._asked = hooks.take_next_backup()
            self._throttle = Throttle(self._asked.bytes_per_second)
        # While the throttle delays the new bytes, report only the progress before them.
        percent_before, done_before = self._last
        before = Amount(amount.step, done_before, amount.total)
        self.wait(self._throttle.delay(amount.done - done_before), partial(super().report, percent_before, before))
        self._last = (percent, amount.done)
        super().report(percent, amount)
        if self._asked.fail_at and 100 * amount.done / amount.total >= self._asked.fail_at:
            raise JobFailed(Message("test.backup_fails", percent=self._asked.fail_at))
