"""Why an action on a backup is refused now, as one sentence; "" if the action is possible.

Backup has these as `<action>_refusal` properties. Buttons show the sentence, services raise it.
"""

from typing import TYPE_CHECKING

from backups.choices import BackupStatus, BackupType
from backups.models.policy import Policy
from backups.storage.base import archive_storage
from console.text.sentences import sentence as _
from instances.choices import JobKind

if TYPE_CHECKING:
    from backups.models import Backup


def download(backup: "Backup") -> str:
    """Return why the archive cannot be downloaded now."""
    if backup.state is BackupStatus.COMPLETED:
        return ""
    return _("Only a finished backup can be downloaded. This one is: %(status)s.") % {"status": backup.state.label}


def cancel(backup: "Backup") -> str:
    """Return why the backup cannot be cancelled now."""
    if backup.being_cancelled:
        return _("This backup is being cancelled already.")
    if backup.state is BackupStatus.BUILDING:
        if backup.job and backup.job.kind != JobKind.BACKUP:
            return _("This backup is part of a restoration and ends with it.")
        return ""
    return _("Only a running backup can be cancelled. This one is: %(status)s.") % {"status": backup.state.label}


def host(backup: "Backup") -> str:
    """Return why no agent can reach the archive now."""
    return "" if archive_storage().shared else backup.host.refusal


def delete(backup: "Backup") -> str:
    """Return why the backup cannot be deleted now."""
    if backup.state is BackupStatus.BUILDING:
        return _("This backup is still being made. Cancel it, or wait until it has ended.")
    if backup.state is BackupStatus.DELETING:
        return _("This backup is being deleted already.")
    if backup.locked:
        return _("This backup is locked. Unlock it first.")
    if backup.use_refusal:
        return backup.use_refusal
    if backup.type == BackupType.AUTOMATED and backup.instance and Policy.of(backup.instance).enabled:
        return _("Automated backups expire by themselves. They can be deleted only while the policy is off.")
    return backup.host_refusal


def use(backup: "Backup") -> str:
    """Return why the archive has to stay: a restoration or a verification reads it."""
    if not backup.in_use:
        return ""
    return _("The backup is being restored or verified. Wait until that has ended.")


def edit(backup: "Backup") -> str:
    """Return why the description cannot be edited now."""
    return _("This backup is being deleted.") if backup.state is BackupStatus.DELETING else ""


def lock(backup: "Backup") -> str:
    """Return why the backup cannot be locked now."""
    if backup.locked:
        return _("This backup is locked already.")
    if backup.state is BackupStatus.COMPLETED:
        return ""
    return _("Only a finished backup can be locked. This one is: %(status)s.") % {"status": backup.state.label}


def unlock(backup: "Backup") -> str:
    """Return why the backup cannot be unlocked now."""
    return "" if backup.locked else _("This backup is not locked.")


def restore(backup: "Backup") -> str:
    """Return why the backup cannot be restored now."""
    if backup.state is BackupStatus.COMPLETED:
        return backup.host_refusal
    # Not "Complete": the sentence is in the row, where people and tests look for the status.
    return _("Only a finished backup can be restored. This one is: %(status)s.") % {"status": backup.state.label}


def original(backup: "Backup") -> str:
    """Return why the backup cannot be restored to the instance it was made of now."""
    if backup.imported:
        return _("This backup was made elsewhere. Restore it to a new instance.")
    if backup.instance is None:
        return _("The instance of this backup has been deleted. Restore it to a new instance.")
    if backup.host_id != backup.instance.host_id and not archive_storage().shared:
        return _("The archive is on the host %(there)s, the instance on %(here)s. Restore it to a new instance.") % {
            "there": backup.host_id,
            "here": backup.instance.host_id,
        }
    return backup.restore_refusal or backup.instance.restore_refusal


def verify(backup: "Backup") -> str:
    """Return why the backup cannot be verified now."""
    if backup.state is not BackupStatus.COMPLETED:
        return _("Only a finished backup can be verified. This one is: %(status)s.") % {"status": backup.state.label}
    return _("The backup is being verified already.") if backup.verifying else backup.host_refusal
