"""Explain in one sentence why an action on a backup is refused now; "" if the action is possible.

Backup has these functions as `<action>_refusal` properties. Buttons show the sentence; services raise Refused with it.
"""

from typing import TYPE_CHECKING

from backups.choices import BackupStatus, BackupType
from backups.models.policy import Policy
from backups.storage.base import archive_storage
from console.text.messages import Message
from instances.choices import JobKind

if TYPE_CHECKING:
    from backups.models import Backup


def download(backup: "Backup") -> str:
    """Return why the archive cannot be downloaded now."""
    if backup.status == BackupStatus.COMPLETED:
        return ""
    return Message("backup.no_download", status=backup.shown_status.label)


def cancel(backup: "Backup") -> str:
    """Return why the backup cannot be cancelled now."""
    if backup.being_cancelled:
        return Message("backup.cancelling")
    if backup.status == BackupStatus.BUILDING:
        if backup.job and backup.job.kind not in {JobKind.BACKUP, JobKind.DELETE_INSTANCE}:
            return Message("backup.part_of_restoration")
        return ""
    return Message("backup.no_cancellation", status=backup.shown_status.label)


def host(backup: "Backup") -> str:
    """Return why no agent can reach the archive now."""
    return "" if archive_storage().shared else backup.host.refusal


def delete(backup: "Backup") -> str:
    """Return why the backup cannot be deleted now."""
    if backup.status == BackupStatus.BUILDING:
        return Message("backup.unfinished")
    if backup.status == BackupStatus.DELETING:
        return Message("backup.deleting")
    if backup.locked:
        return Message("backup.locked")
    if backup.use_refusal:
        return backup.use_refusal
    if backup.type == BackupType.AUTOMATED and backup.instance and Policy.of(backup.instance).enabled:
        return Message("backup.expires")
    return backup.host_refusal


def use(backup: "Backup") -> str:
    """Return why the archive must be kept now: a restoration or a verification needs it."""
    if not backup.in_use:
        return ""
    return Message("backup.in_use")


def edit(backup: "Backup") -> str:
    """Return why the description cannot be edited now."""
    return Message("backup.deleting") if backup.status == BackupStatus.DELETING else ""


def lock(backup: "Backup") -> str:
    """Return why the backup cannot be locked now."""
    if backup.locked:
        return Message("backup.already_locked")
    if backup.status == BackupStatus.COMPLETED:
        return ""
    return Message("backup.no_lock", status=backup.shown_status.label)


def unlock(backup: "Backup") -> str:
    """Return why the backup cannot be unlocked now."""
    return "" if backup.locked else Message("backup.not_locked")


def restore(backup: "Backup") -> str:
    """Return why the backup cannot be restored now."""
    if backup.status == BackupStatus.COMPLETED:
        return backup.host_refusal
    # Avoid the word "Complete": the backup's row contains this sentence, and people and tests read its status there.
    return Message("backup.no_restore", status=backup.shown_status.label)


def original(backup: "Backup") -> str:
    """Return why the backup cannot be restored to its original instance now."""
    if backup.imported:
        return Message("restore.imported")
    if backup.instance is None:
        return Message("restore.instance_deleted")
    if backup.host_id != backup.instance.host_id and not archive_storage().shared:
        return Message("restore.other_host", there=backup.host_id, here=backup.instance.host_id)
    return backup.restore_refusal or backup.instance.restore_refusal


def deployment(backup: "Backup") -> str:
    """Return why the backup cannot be restored to an empty deployment now."""
    return backup.restore_refusal if backup.is_logical else Message("restore.physical")


def verify(backup: "Backup") -> str:
    """Return why the backup cannot be verified now."""
    if backup.status != BackupStatus.COMPLETED:
        return Message("backup.no_verification", status=backup.shown_status.label)
    return Message("backup.verifying") if backup.verifying else backup.host_refusal
