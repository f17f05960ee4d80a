"""The step of `manage.py reset` that removes every backup."""

from backups.jobs.archiving import remove_archive
from backups.models import Backup, BackupTally, DataSample, Restoration, StorageSample
from console.testing.reset.instances import delete_in_parts


def empty() -> None:
    """Remove all archives, then the rows of backups, restorations and their history. No job may be running.

    Can be called again after an interruption. Raises OSError.
    """
    for backup in Backup.objects.only("id").iterator():
        remove_archive(backup)
    delete_in_parts(Restoration.objects.all())
    delete_in_parts(Backup.objects.all())
    delete_in_parts(BackupTally.objects.all())
    delete_in_parts(StorageSample.objects.all())
    delete_in_parts(DataSample.objects.all())
