"""Delete a backup: its archive, then its row."""

from contextlib import suppress
from typing import Any

from django.db import transaction

from backups import history
from backups.choices import BackupStatus
from backups.jobs.archiving import remove_archive
from backups.jobs.parameters import BackupParameters
from backups.models import Backup
from backups.storage.base import archive_storage
from console.text.errors import explain_file
from console.text.messages import Message
from instances.choices import Step
from instances.queue.job import JobFailed, JobSteps
from instances.queue.work import Work


class DeleteBackup(JobSteps[BackupParameters, None]):
    parameters_type = BackupParameters

    def run(self, work: Work) -> None:
        backup = Backup.objects.get(job=self.job)
        work.report(10)
        work.begin(Step.DELETE)
        try:
            remove_archive(backup)
        except OSError as error:
            reason = Message("archive.undeletable", why=explain_file(error))
            # If the storage cannot even say whether it has the archive, clean_up() asks again.
            with suppress(OSError):
                if _has_whole_archive(backup):
                    _complete_again(backup, BackupStatus.DELETING, failure=reason)
            raise JobFailed(reason) from error

    def completed(self, result: None) -> None:
        Backup.objects.filter(job=self.job, status=BackupStatus.DELETING).delete()

    def failed(self, reason: str) -> None:
        """Mark the backup Failed with the reason: its archive may be gone, so the backup cannot be relied on."""
        deleting = Backup.objects.filter(job=self.job, status=BackupStatus.DELETING)
        deleting.update(status=BackupStatus.FAILED, failure=reason)

    def clean_up(self) -> None:
        """Mark the backup Complete again if the deletion ended before it touched the archive."""
        backup = Backup.objects.filter(job=self.job, status=BackupStatus.FAILED).first()
        if backup and _has_whole_archive(backup):
            _complete_again(backup, BackupStatus.FAILED)


def _complete_again(backup: Backup, status: BackupStatus, **columns: Any) -> None:
    """Mark the backup Complete again if it still has `status`, which its deletion set."""
    with transaction.atomic():
        undone = Backup.objects.filter(pk=backup.pk, job=backup.job_id, status=status)
        if undone.update(status=BackupStatus.COMPLETED, **columns):
            history.note_newest(backup.instance_uid)


def _has_whole_archive(backup: Backup) -> bool:
    """Return whether the backup was Complete and its archive is still there at its full size. Raises OSError."""
    storage, name = archive_storage(), backup.archive_name
    return bool(backup.sha256) and storage.exists(name) and storage.size(name) == backup.size
