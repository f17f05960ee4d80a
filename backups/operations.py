"""The operations on a backup: one visible button, and the menu behind More."""

from django.utils.translation import gettext as _

from backups.choices import BackupStatus
from backups.models import Backup
from console.accounts.roles import Permission
from console.web.operations import Operation


def operations(backup: Backup) -> tuple[Operation, list[Operation]]:
    """Return the button's operation, and the menu's in order; a backup that is being deleted has no menu."""
    url = backup.get_absolute_url()
    if backup.status == BackupStatus.DELETING:
        return _restore(backup, url), []
    return _cancel(backup, url) if backup.status == BackupStatus.BUILDING else _restore(backup, url), _more(backup, url)


def _cancel(backup: Backup, url: str) -> Operation:
    needs = Permission.MANAGE_BACKUPS
    return Operation(f"cancel-{backup.id}", _("Cancel"), f"{url}cancel/", needs, backup.cancel_refusal)


def _restore(backup: Backup, url: str) -> Operation:
    needs = Permission.RESTORE_TO_NEW
    return Operation(f"restore-{backup.id}", _("Restore"), f"{url}restore/", needs, backup.restore_refusal)


def _more(backup: Backup, url: str) -> list[Operation]:
    id, manage, download = backup.id, Permission.MANAGE_BACKUPS, Permission.DOWNLOAD_BACKUP
    found = [
        Operation(f"download-{id}", _("Download"), f"{url}download/", download, backup.download_refusal, target=""),
        Operation(f"menu-verify-{id}", _("Verify"), f"{url}verify/", manage, backup.verify_refusal),
        Operation(f"menu-description-{id}", _("Edit Description"), f"{url}description/", manage, backup.edit_refusal),
    ]
    if backup.locked:
        found.append(Operation(f"menu-lock-{id}", _("Unlock"), f"{url}unlock/", manage, backup.unlock_refusal))
    elif backup.status == BackupStatus.COMPLETED:
        found.append(Operation(f"menu-lock-{id}", _("Lock"), f"{url}lock/", manage, backup.lock_refusal))
    delete = Operation(f"menu-delete-{id}", _("Delete"), f"{url}delete/", manage, backup.delete_refusal, danger=True)
    return [*found, delete]
