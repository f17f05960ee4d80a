"""What people do to backups: one function per action, for pages, API and scheduler alike."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from backups.choices import BackupStatus, BackupType
from backups.models import Backup
from console import audit
from console.audit import action
from console.exceptions import Refused
from console.roles import Permission
from instances import jobs
from instances.choices import Action, JobKind
from instances.models import Instance


@action("ddsCreateBackup", needs=Permission.CREATE_BACKUP, resource="backup")
def create_backup(
    *,
    instance: Instance,
    name: str,
    description: str = "",
    type: BackupType = BackupType.MANUAL,
    requested_by: User | None,
    request_key: UUID | None = None,
) -> Backup:
    """Write the backup as Backing up and queue the job that makes it.

    Of two that come at the same moment one wins: moving the instance from Available to Backing up is one
    conditional UPDATE. Coming again with the same `request_key` returns the backup of the first time.
    Raises Refused if the instance is not Available, ValidationError if name or description break a rule.
    """
    made = Backup.objects.filter(request_key=request_key).first() if request_key else None
    if made:
        audit.nothing_new()
        return made
    backup = Backup(
        name=name,
        description=description,
        type=type,
        request_key=request_key,
        instance_uid=instance.id,
        instance_name=instance.name,
        instance_type=instance.type,
        engine=instance.engine,
        engine_version=instance.engine_version,
        storage_engine=instance.storage_engine,
        host_id=instance.host_id,
    )
    backup.clean_fields(exclude=["request_key"])
    with transaction.atomic():
        if not Instance.objects.available().filter(pk=instance.pk).update(action=Action.BACKUP):
            made = Backup.objects.filter(request_key=request_key).first() if request_key else None
            if made:
                audit.nothing_new()
                return made
            current = Instance.objects.filter(pk=instance.pk).first()
            raise Refused(current.backup_refusal if current else _("The instance does not exist any more."))
        backup.instance = instance
        backup.job = jobs.enqueue(
            JobKind.BACKUP,
            host=instance.host,
            instance=instance,
            requested_by=requested_by,
            parameters={"backup": backup.id},
        )
        backup.save(force_insert=True)
    return backup


def mark_automated_for_removal(sender: object, *, instance: Instance, requested_by: User | None, **kwargs: Any) -> None:
    """The answer to instance_deleting: the instance's automated backups go with it, its manual ones stay."""
    for backup in Backup.objects.automated().filter(instance=instance).exclude(status=BackupStatus.DELETING):
        _delete(backup, requested_by=requested_by)


def _delete(backup: Backup, *, requested_by: User | None) -> None:
    """Mark the backup as Deleting and queue the job that removes its archive and its row."""
    backup.status = BackupStatus.DELETING
    # Without the instance: several of its backups may go at the same time, and after it.
    backup.job = jobs.enqueue(
        JobKind.DELETE_BACKUP,
        host=backup.host,
        instance=None,
        requested_by=requested_by,
        parameters={"backup": backup.id},
    )
    backup.save(update_fields=["status", "job"])
