"""Restore a backup: to a new instance, to the instance that it was made from, or to an empty deployment."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from backups.choices import RestorationWay
from backups.jobs.parameters import BackupParameters, RestoreToNewParameters, RestoreToOriginalParameters
from backups.models import Backup, Restoration
from backups.names import BEFORE_RESTORE, timed_name
from backups.placement import empty_targets, host_of_restored
from backups.services.create import new_backup
from backups.services.reread import reread
from backups.storage.base import archive_storage
from console.accounts.roles import Permission
from console.audit.audited import audited
from console.text.messages import Message
from console.text.password_rule import check_password
from console.text.refused import Refused
from console.web.submitted_once import once
from instances.choices import Action, JobKind
from instances.models import Instance, Job
from instances.queue.requests import enqueue
from instances.refusals import unsupported
from instances.services import current_instance


@audited("ddsRestoreToNewInstance", needs=Permission.RESTORE_TO_NEW, resource="backup")
@once(Restoration)
def restore_to_new_instance(
    *,
    backup: Backup,
    name: str,
    requested_by: User | None,
    password: str = "",
    request_key: UUID | None = None,
) -> Restoration:
    """Create an instance of the backup's type, in state Creating, and queue the job that fills it from the backup.

    The backup's own instance is not changed; if it is Available, it shows Checking restoration until the job ends. The
    new instance has the users and passwords of a physical backup; `password`, if given, replaces the administrator's.
    After a logical backup without `password`, nobody can sign in until the password is reset. A repeated `request_key`
    returns the restoration of the first call. Raises Refused if the backup is not Complete, ValidationError if the name
    or the password breaks its rule.
    """
    if password:
        check_password(password)
    target = Instance(name=name, type=backup.instance_type, host=host_of_restored(backup))
    if backup.is_logical:
        target.password_set = bool(password)
    else:
        target.engine, target.engine_version = backup.engine, backup.engine_version
        target.compatible_version, target.storage_engine = backup.compatible_version, backup.storage_engine
        target.password_set = True if password else None
    target.clean_fields()
    with transaction.atomic():
        _use(backup)
        target.save(force_insert=True)
        source = Instance.objects.available().filter(pk=backup.instance_uid)
        shown = source.update(action=Action.RESTORE_TO_NEW_INSTANCE)
        job = enqueue(
            JobKind.RESTORE_NEW,
            host=target.host,
            instance=target,
            requested_by=requested_by,
            parameters=RestoreToNewParameters.of(
                backup, source=backup.instance_uid if shown else "", with_password=bool(password)
            ),
            secret=password,
        )
        return _record(backup, target, RestorationWay.NEW, job, request_key)


@audited("ddsRestoreToOldInstance", needs=Permission.MANAGE_INSTANCES, resource="backup")
@once(Restoration)
def restore_to_original(
    *, backup: Backup, safety_backup: bool, requested_by: User | None, request_key: UUID | None = None
) -> Restoration:
    """Move the backup's instance to Restoring and queue the job that replaces its data with the backup's.

    With `safety_backup` the same job first makes a manual backup of the current data, and fails if it cannot. A
    repeated `request_key` returns the restoration of the first call. Raises Refused if the backup is not Complete, or
    if the instance is busy or has been deleted.
    """
    with transaction.atomic():
        _use(backup)
        # Look up the foreign key, not the copied id: an imported backup has no original instance here.
        original = Instance.objects.filter(pk__in=Backup.objects.filter(pk=backup.pk).values("instance"))
        moved = original.idle().update(action=Action.RESTORE)
        target = original.select_related("host").first()
        if target is None or (target.host_id != backup.host_id and not archive_storage().shared):
            raise Refused(backup.original_refusal)
        if not moved or unsupported(target, JobKind.RESTORE_ORIGINAL):
            raise Refused(target.restore_refusal)
        job = enqueue(
            JobKind.RESTORE_ORIGINAL,
            host=target.host,
            instance=target,
            requested_by=requested_by,
            parameters=RestoreToOriginalParameters.of(backup, safety_backup=safety_backup),
        )
        before = _safety_backup(backup, target, job) if safety_backup else None
        return _record(backup, target, RestorationWay.ORIGINAL, job, request_key, before)


@audited("ddsRestoreToDeployment", needs=Permission.MANAGE_INSTANCES, resource="backup")
@once(Restoration)
def restore_to_deployment(
    *, backup: Backup, target: Instance, requested_by: User | None, request_key: UUID | None = None
) -> Restoration:
    """Move an existing deployment to Restoring and queue the job that loads the backup into it.

    The job fails if the deployment is not empty. A repeated `request_key` returns the restoration of the first call.
    Raises Refused if the backup is not Complete or not logical, if the target is no deployment that the backup's
    archive can be restored to, or if it is busy.
    """
    if not backup.is_logical:
        raise Refused(backup.deployment_refusal)
    with transaction.atomic():
        _use(backup)
        if not empty_targets(backup).filter(pk=target.pk).update(action=Action.RESTORE):
            now = current_instance(target)
            raise Refused(now.restore_refusal or Message("restore.no_target", name=now.name), field="target")
        job = enqueue(
            JobKind.RESTORE_DEPLOYMENT,
            host=target.host,
            instance=target,
            requested_by=requested_by,
            parameters=BackupParameters.of(backup),
        )
        return _record(backup, target, RestorationWay.DEPLOYMENT, job, request_key)


def _use(backup: Backup) -> None:
    """Keep the archive from being deleted until the job ends. Raises Refused if the backup is not Complete."""
    if not Backup.objects.restorable().filter(pk=backup.pk).update(uses=F("uses") + 1):
        raise Refused(reread(backup).restore_refusal)


def _safety_backup(backup: Backup, target: Instance, job: Job) -> Backup:
    """Create the row of the backup that the job makes before it replaces the instance's data."""
    made = new_backup(
        target,
        name=timed_name(BEFORE_RESTORE, target.name, timezone.now()),
        description=Message("restore.safety_backup_of", name=backup.name),
        job=job,
    )
    made.instance = target
    made.save(force_insert=True)
    return made


def _record(
    backup: Backup,
    target: Instance,
    way: RestorationWay,
    job: Job,
    request_key: UUID | None,
    safety_backup: Backup | None = None,
) -> Restoration:
    made = new_restoration(
        backup,
        target,
        target=target,
        way=way,
        safety_backup=safety_backup,
        job=job,
        requested_by=job.requested_by,
        request_key=request_key,
    )
    made.save(force_insert=True)
    return made


def new_restoration(backup: Backup, target: Instance, /, **columns: Any) -> Restoration:
    """Return an unsaved restoration with a copy of names and ids, but without the foreign key to the instance."""
    return Restoration(
        backup=backup,
        backup_uid=backup.id,
        backup_name=backup.name,
        source_uid=backup.instance_uid,
        source_name=backup.instance_name,
        target_uid=target.id,
        target_name=target.name,
        **columns,
    )
