"""Record the outcome of making a backup, for its job and for the service that cancels a queued job."""

from typing import Any

from django.utils import timezone

from backups import history
from backups.choices import BackupStatus
from backups.models import Backup
from instances.choices import Action, JobKind
from instances.models import Instance, Job


def backup_completed(job: Job, **facts: Any) -> None:
    """Mark the backup that the job was making as Complete, and store the facts about its archive."""
    _end(job, status=BackupStatus.COMPLETED, **facts)


def backup_failed(job: Job, reason: str) -> None:
    """Mark the backup that the job was making as Failed, if there is one."""
    _end(job, status=BackupStatus.FAILED, failure=reason)


def backup_cancelled(job: Job, reason: str) -> None:
    """Mark the backup that the job was making as Cancelled, if there is one."""
    _end(job, status=BackupStatus.CANCELLED, failure=reason)


def making_cancelled(job: Job, reason: str) -> None:
    """End the work of a cancelled job that has only begun a backup: its instance is Available again."""
    backup_cancelled(job, reason)
    release_instance(job)


def making_failed(job: Job, reason: str) -> None:
    """End the work of a job that has only begun a backup: the backup is Failed, its instance Available again."""
    backup_failed(job, reason)
    release_instance(job)


def release_instance(job: Job) -> None:
    """End the action for which the job makes the backup: Backing up, or Deleting if it is the final backup."""
    action = Action.DELETE if job.kind == JobKind.DELETE_INSTANCE else Action.BACKUP
    Instance.objects.filter(pk=job.instance_id, action=action).update(action=Action.NONE)


def _end(job: Job, *, status: BackupStatus, **columns: Any) -> None:
    being_made = Backup.objects.filter(job=job, status=BackupStatus.BUILDING)
    backup = being_made.only("started", "instance_uid", "status").first()
    if backup and being_made.update(status=status, ended=timezone.now(), **columns):
        backup.status = status
        history.note_ends([backup])
