"""Create a backup."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from backups.choices import BackupMethod, BackupType
from backups.jobs.parameters import BackupParameters
from backups.models import Backup
from console.accounts.roles import Permission
from console.audit.audited import audited
from console.text.refused import Refused
from console.web.submitted_once import once
from instances.choices import Action, JobKind
from instances.models import Instance
from instances.queue.requests import enqueue
from instances.services import current_instance


@audited("ddsCreateBackup", needs=Permission.CREATE_BACKUP, resource="backup")
@once(Backup)
def create_backup(
    *,
    instance: Instance,
    name: str,
    description: str = "",
    type: BackupType = BackupType.MANUAL,
    expires: datetime | None = None,
    requested_by: User | None,
    request_key: UUID | None = None,
) -> Backup:
    """Record the backup as Backing up and queue the job that makes it.

    Of two simultaneous calls only one wins: a conditional UPDATE moves the instance from Available to Backing up.
    A repeated `request_key` returns the backup of the first call. Raises Refused if the instance is not Available,
    ValidationError if the name or the description breaks a rule.
    """
    backup = new_backup(
        instance, name=name, description=description, type=type, expires=expires, request_key=request_key
    )
    backup.clean_fields(exclude=["request_key"])
    with transaction.atomic():
        if not Instance.objects.ready_for_backup().filter(pk=instance.pk).update(action=Action.BACKUP):
            raise Refused(current_instance(instance).backup_refusal)
        backup.instance = instance
        backup.job = enqueue(
            JobKind.BACKUP,
            host=instance.host,
            instance=instance,
            requested_by=requested_by,
            parameters=BackupParameters.of(backup),
        )
        backup.save(force_insert=True)
    return backup


def new_backup(instance: Instance, /, **columns: Any) -> Backup:
    """Return an unsaved backup with a copy of the instance's facts, but without the foreign key."""
    return Backup(
        instance_uid=instance.id,
        instance_name=instance.name,
        instance_type=instance.type,
        engine=instance.engine,
        engine_version=instance.engine_version,
        compatible_version=instance.compatible_version,
        storage_engine=instance.storage_engine,
        host_id=instance.host_id,
        method=BackupMethod.LOGICAL if instance.is_deployment else BackupMethod.PHYSICAL,
        **columns,
    )
