"""A task of the Task Center with what it is about."""

from dataclasses import dataclass
from typing import Self

from backups.models import Backup, Restoration
from instances.choices import JobStatus
from instances.models import Job


@dataclass(frozen=True)
class Task:
    """A job, and the backup and the restoration that it is about, if they exist."""

    job: Job
    backup: Backup | None
    restoration: Restoration | None

    @classmethod
    def of(cls, job: Job) -> Self:
        id = job.parameters.get("backup")
        backup = Backup.objects.shown().filter(pk=id).first() if id else None
        return cls(job, backup, Restoration.objects.filter(job=job).select_related("safety_backup").first())

    @property
    def failed(self) -> bool:
        """True if the task ended without success, so that its page offers Retry."""
        return self.job.status in {JobStatus.FAILED, JobStatus.CANCELLED}

    @property
    def retry(self) -> Job | None:
        """The task that does this one again."""
        return getattr(self.job, "retry", None)
