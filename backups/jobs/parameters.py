"""The parameters that services pass to the jobs on backups."""

from dataclasses import dataclass
from typing import Any, Self

from backups.models import Backup
from instances.queue.job import Parameters


@dataclass(frozen=True, kw_only=True)
class BackupParameters(Parameters):
    """The backup that the job works on. The Task Center shows it even after the backup has been deleted."""

    backup: str = ""
    backup_name: str = ""

    @classmethod
    def of(cls, backup: Backup, **others: Any) -> Self:
        return cls(backup=backup.id, backup_name=backup.name, **others)


@dataclass(frozen=True, kw_only=True)
class RestoreToNewParameters(BackupParameters):
    # The instance that shows Checking restoration until this job ends; empty if none does.
    source: str = ""
    # True if the job sets the administrator's password, which is not kept: see retrying.
    with_password: bool = False


@dataclass(frozen=True, kw_only=True)
class RestoreToOriginalParameters(BackupParameters):
    # True if the job first backs up the current data.
    safety_backup: bool = False
