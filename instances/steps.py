"""The steps of a job as its page shows them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from django.utils.functional import Promise

from instances.choices import JobStatus, Step
from instances.models import Job, JobRecord


@dataclass(frozen=True)
class ShownStep:
    """One step: its label, when it began, when it ended (None if unknown or not yet), and its status."""

    label: str | Promise
    began: datetime
    ended: datetime | None
    status: JobStatus

    @property
    def duration(self) -> timedelta | None:
        # The clock may have been set back meanwhile.
        return max(self.ended - self.began, timedelta()) if self.ended else None


def steps_of(job: Job, record: JobRecord | None) -> Iterator[ShownStep]:
    """Yield the steps in order. A step ends when the next one begins, the last step with the job and as the job did."""
    steps = record.steps if record else []
    begun = [(_label(code), datetime.fromtimestamp(at, UTC)) for code, at in steps]
    for (label, began), (_next, ended) in pairwise(begun):
        yield ShownStep(label, began, ended, JobStatus.COMPLETED)
    for label, began in begun[-1:]:
        yield ShownStep(label, began, job.ended, job.shown_status)


def _label(code: str) -> str | Promise:
    # Another version of the console may have written a code that this one does not know.
    return Step(code).label if code in Step else code
