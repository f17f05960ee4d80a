"""Delete a backup: at a user's request, because it has expired, or together with its instance."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from backups import history
from backups.choices import BackupStatus
from backups.jobs.parameters import BackupParameters
from backups.models import Backup, BackupQuerySet
from backups.placement import host_of_archive
from backups.services.reread import reread
from console.accounts.roles import Permission
from console.audit import audited as audit
from console.audit.audited import audited
from console.text.messages import Message
from console.text.refused import Refused
from instances.choices import JobKind
from instances.models import Instance
from instances.queue.requests import enqueue


@audited("ddsDeleteBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def delete_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Mark the backup as Deleting and queue the job that removes its archive and its row. Raises Refused."""
    if not _remove(backup, among=Backup.objects.deletable(), requested_by=requested_by):
        raise Refused(reread(backup).delete_refusal)


def retire_backup(*, backup: Backup, now: datetime) -> bool:
    """Delete the backup if it has expired. Return False if it has not, or if it is locked or in use."""
    return remove_with_event(backup, among=Backup.objects.expired(now), requested_by=None)


def delete_automated(*, instance: Instance, requested_by: User | None) -> None:
    """Delete the automated backups, locked ones included, of an instance that is being deleted.

    Raises Refused while a restoration or a verification uses one of them.
    """
    automated = Backup.objects.automated().filter(instance=instance)
    refuse_automated_in_use(instance)
    # If a deletion fails, the backup outlasts its instance. Unlock it now, so that users can delete it then.
    automated.update(locked=False)
    for backup in automated:
        present = Backup.objects.exclude(status=BackupStatus.DELETING)
        remove_with_event(backup, among=present, requested_by=requested_by)


def refuse_automated_in_use(instance: Instance) -> None:
    """Raise Refused if a restoration or a verification uses an automated backup of the instance."""
    if Backup.objects.automated().in_use().filter(instance=instance).exists():
        raise Refused(Message("backup.automated_in_use"))


def remove_with_event(backup: Backup, *, among: BackupQuerySet, requested_by: User | None) -> bool:
    """Delete the backup if it is in `among`, and record the same event as the decorator of delete_backup()."""
    with transaction.atomic():
        removed = _remove(backup, among=among, requested_by=requested_by)
        if removed:
            audit.record("ddsDeleteBackup", user=requested_by, resource=audit.resource_of(backup))
    return removed


def _remove(backup: Backup, *, among: BackupQuerySet, requested_by: User | None) -> bool:
    """If the backup is in `among`, mark it as Deleting and queue the job that removes its archive and its row."""
    with transaction.atomic():
        if not among.filter(pk=backup.pk).update(status=BackupStatus.DELETING, failure=""):
            return False
        # The job names no instance, so that an instance's backups can be deleted in parallel, and after the instance.
        job = enqueue(
            JobKind.DELETE_BACKUP,
            host=host_of_archive(backup),
            instance=None,
            requested_by=requested_by,
            parameters=BackupParameters.of(backup),
        )
        Backup.objects.filter(pk=backup.pk).update(job=job)
        history.note_newest(backup.instance_uid)
    return True
