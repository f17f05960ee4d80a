"""How `manage.py reset` removes every backup."""

from backups.jobs.archiving import remove_archive
from backups.models import Backup, BackupTally, Restoration, StorageSample
from console.testing.reset.instances import delete_in_parts


def empty() -> None:
    """Remove all archives, then the rows of backups, restorations and their history. No job may run.

    May be called again if it is cut short. Raises OSError.
    """
    for backup in Backup.objects.only("id").iterator():
        remove_archive(backup)
    delete_in_parts(Restoration.objects.all())
    delete_in_parts(Backup.objects.all())
    delete_in_parts(BackupTally.objects.all())
    delete_in_parts(StorageSample.objects.all())
