"""Lock a backup, so that it does not expire and cannot be deleted, or unlock it."""

from django.contrib.auth.models import User

from backups.choices import BackupStatus
from backups.models import Backup
from backups.services.reread import reread
from console.accounts.roles import Permission
from console.audit.audited import audited
from console.text.refused import Refused


@audited("ddsLockBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def lock_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Keep the backup from expiring and from being deleted. Raises Refused unless it is Complete and not locked."""
    complete = Backup.objects.filter(pk=backup.pk, status=BackupStatus.COMPLETED, locked=False)
    if not complete.update(locked=True):
        raise Refused(reread(backup).lock_refusal)


@audited("ddsUnlockBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def unlock_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Allow the backup to expire and to be deleted again. Raises Refused if it is not locked."""
    if not Backup.objects.filter(pk=backup.pk, locked=True).update(locked=False):
        raise Refused(reread(backup).unlock_refusal)
