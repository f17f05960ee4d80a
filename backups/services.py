"""What people do to backups: one function per action, for pages, API and scheduler alike."""

import secrets
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from backups.choices import BackupStatus, BackupType, RestorationWay
from backups.models import Backup, Restoration
from console import audit
from console.audit import action
from console.exceptions import Refused
from console.roles import Permission
from instances import jobs
from instances.choices import Action, JobKind
from instances.models import Instance, Job


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


@action("ddsRestoreToNewInstance", needs=Permission.RESTORE_TO_NEW, resource="backup")
def restore_to_new_instance(
    *, backup: Backup, name: str, requested_by: User | None, request_key: UUID | None = None
) -> Restoration:
    """Write a new instance of the backup's type as Creating and queue the job that fills it with the backup.

    The instance that the backup is of shows Checking restoration meanwhile if it is Available; whatever it is, nothing
    of it is touched. Coming again with the same `request_key` returns the restoration of the first time.
    Raises Refused if the backup is not Complete, ValidationError if the name breaks the rule.
    """
    if begun := _begun(request_key):
        return begun
    target = Instance(
        name=name,
        type=backup.instance_type,
        # Where the archive can be read.
        host_id=backup.host_id,
        engine=backup.engine,
        engine_version=backup.engine_version,
        storage_engine=backup.storage_engine,
    )
    target.clean_fields()
    with transaction.atomic():
        _take_into_use(backup)
        target.save(force_insert=True)
        source = Instance.objects.available().filter(pk=backup.instance_uid)
        shown = source.update(action=Action.RESTORE_TO_NEW_INSTANCE)
        job = jobs.enqueue(
            JobKind.RESTORE_NEW,
            host=target.host,
            instance=target,
            requested_by=requested_by,
            # Which instance shows it on behalf of this job, and of no other.
            parameters={"source": backup.instance_uid if shown else "", "backup": backup.id},
        )
        return _record(backup, target, RestorationWay.NEW, job, request_key)


@action("ddsRestoreToOldInstance", needs=Permission.MANAGE_INSTANCES, resource="backup")
def restore_to_original(
    *, backup: Backup, safety_backup: bool, requested_by: User | None, request_key: UUID | None = None
) -> Restoration:
    """Queue the job that replaces the data of the backup's instance by the backup, and move it to Restoring.

    With `safety_backup` the same job first makes a manual backup of what it replaces, and fails if it cannot.
    Coming again with the same `request_key` returns the restoration of the first time. Raises Refused if the backup is
    not Complete, or if the instance has gone or is busy.
    """
    if begun := _begun(request_key):
        return begun
    with transaction.atomic():
        _take_into_use(backup)
        moved = Instance.objects.filter(pk=backup.instance_uid).idle().update(action=Action.RESTORE)
        target = Instance.objects.select_related("host").filter(pk=backup.instance_uid).first()
        if target is None:
            raise Refused(backup.original_refusal)
        if not moved:
            raise Refused(target.restore_refusal)
        job = jobs.enqueue(
            JobKind.RESTORE_ORIGINAL,
            host=target.host,
            instance=target,
            requested_by=requested_by,
            parameters={"backup": backup.id},
        )
        before = _safety_backup(backup, target, job) if safety_backup else None
        return _record(backup, target, RestorationWay.ORIGINAL, job, request_key, before)


@action("ddsVerifyBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def verify_backup(*, backup: Backup, requested_by: User | None) -> Job:
    """Queue the job that restores the backup into a throw-away server and counts its documents.

    Raises Refused if the backup is not Complete or is being verified already.
    """
    with transaction.atomic():
        job = jobs.enqueue(
            JobKind.VERIFY,
            host=backup.host,
            instance=None,
            requested_by=requested_by,
            parameters={"backup": backup.id},
        )
        taken = Backup.objects.restorable().filter(pk=backup.pk, verifying=False)
        if not taken.update(verifying=True, uses=F("uses") + 1, verify_job=job):
            current = Backup.objects.filter(pk=backup.pk).first()
            raise Refused(current.verify_refusal if current else _("The backup does not exist any more."))
    return job


def _begun(request_key: UUID | None) -> Restoration | None:
    begun = Restoration.objects.filter(request_key=request_key).first() if request_key else None
    if begun:
        audit.nothing_new()
    return begun


def _take_into_use(backup: Backup) -> None:
    """Keep the archive from being deleted; the end of the job lets it go."""
    if not Backup.objects.restorable().filter(pk=backup.pk).update(uses=F("uses") + 1):
        current = Backup.objects.filter(pk=backup.pk).first()
        raise Refused(current.restore_refusal if current else _("The backup does not exist any more."))


def _safety_backup(backup: Backup, target: Instance, job: Job) -> Backup:
    """The row of the backup that the job makes of what it is about to replace."""
    return Backup.objects.create(
        name=f"before-restore-{secrets.token_hex(2)}",
        description=_("Made before %s was restored") % backup.name,
        instance=target,
        instance_uid=target.id,
        instance_name=target.name,
        instance_type=target.type,
        engine=target.engine,
        engine_version=target.engine_version,
        storage_engine=target.storage_engine,
        host_id=target.host_id,
        job=job,
    )


def _record(
    backup: Backup,
    target: Instance,
    way: RestorationWay,
    job: Job,
    request_key: UUID | None,
    safety_backup: Backup | None = None,
) -> Restoration:
    return Restoration.objects.create(
        backup=backup,
        backup_uid=backup.id,
        backup_name=backup.name,
        source_uid=backup.instance_uid,
        source_name=backup.instance_name,
        target=target,
        target_uid=target.id,
        target_name=target.name,
        way=way,
        safety_backup=safety_backup,
        job=job,
        requested_by=job.requested_by,
        request_key=request_key,
    )


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
