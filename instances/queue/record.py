"""The record of a job while its agent works on it: steps with their times, and the last lines logged in its thread."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from django.db import IntegrityError, InterfaceError, OperationalError, connections, transaction

from console.text.visible import visible
from instances.choices import Step
from instances.models import Job, JobRecord
from instances.queue.job import JobFailed, secret_of
from instances.queue.leases import require_lease

log = logging.getLogger(__name__)

# The limits of the stored log: lines, bytes, and characters of one line.
LINES, BYTES, LINE = 200, 32 * 1024, 2000


class Record:
    """Collects the steps and the log of one job, and writes both together."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._steps: list[tuple[str, float]] = []
        self._lines: deque[str] = deque(maxlen=LINES)
        self._saved = True

    def begin(self, step: Step) -> None:
        """Note that the step begins, and write the record. Raises LeaseLost. A repeated step changes nothing."""
        if self._steps and self._steps[-1][0] == step.value:
            return
        self._steps.append((step.value, time.time()))
        log.info("Job %s begins the step %s.", self._job.id, step.value)
        assert self._job.token is not None
        with _missing_database_ignored(), transaction.atomic():
            require_lease(self._job.token)
            self._write()

    def save(self) -> None:
        """Write the record of an ended job, unless nothing was added since the last time."""
        # A reset may have deleted the job meanwhile.
        with _missing_database_ignored(), suppress(IntegrityError):
            if not self._saved:
                self._write()

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Collect the lines that this thread logs."""
        handler = _Lines(self._lines_of_job, threading.get_ident())
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)

    def _lines_of_job(self, line: str) -> None:
        self._lines.append(line)
        self._saved = False

    def _write(self) -> None:
        made = JobRecord(job=self._job, steps=self._steps, log=self._text())
        JobRecord.objects.bulk_create(
            [made], update_conflicts=True, unique_fields=["job"], update_fields=["steps", "log"]
        )
        self._saved = True

    def _text(self) -> str:
        """Return the last lines that fit, without the job's password."""
        try:
            secret = secret_of(self._job)
        except JobFailed:
            secret = ""
        lines: deque[str] = deque()
        size = 0
        for line in reversed(self._lines):
            shown = line.replace(secret, "***") if secret else line
            size += len(shown.encode()) + 1
            if size > BYTES:
                break
            lines.appendleft(shown)
        return "\n".join(lines)


class _Lines(logging.Handler):
    """Passes on the lines of one thread, with the place of an exception but without its text, which may quote data."""

    def __init__(self, add: Callable[[str], None], thread: int) -> None:
        super().__init__()
        self._add, self._thread = add, thread

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread:
            return
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
        line = f"{moment} {record.levelname} {visible(record.getMessage())}"
        self._add(line[:LINE] + _place_of_exception(record))


def _place_of_exception(record: logging.LogRecord) -> str:
    kind, _error, trace = record.exc_info or (None, None, None)
    if kind is None or trace is None:
        return ""
    while trace.tb_next:
        trace = trace.tb_next
    return f" ({kind.__name__} in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"


@contextmanager
def _missing_database_ignored() -> Iterator[None]:
    """Carry on if the console database is away: the next write has the missing steps and lines, too."""
    try:
        yield
    except (OperationalError, InterfaceError):
        connections.close_all()
