"""What people do to backups: one function per action, for pages, API and scheduler alike."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from backups import history
from backups.choices import BackupStatus, BackupType, RestorationWay
from backups.jobs.make import HANDLERS
from backups.models import Backup, BackupQuerySet, Policy, Restoration, weekdays_text
from backups.placement import host_of_archive, host_of_restored
from backups.policy import schedule
from backups.storage.base import archive_storage
from console.accounts.roles import Permission
from console.audit import audited as audit
from console.audit.audited import audited
from console.testing import hook_state as hooks
from console.text.refused import Refused
from console.text.sentences import sentence as _
from console.text.validators import check_password
from console.web.once import once
from instances.choices import Action, JobKind
from instances.models import Instance, Job
from instances.queue import leases as jobs

POLICY_FIELDS = ("enabled", "keep_days", "start_hour", "weekdays", "delete_automated")


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
    """Write the backup as Backing up and queue the job that makes it.

    Of two that come at the same moment one wins: moving the instance from Available to Backing up is one
    conditional UPDATE. Coming again with the same `request_key` returns the backup of the first time.
    Raises Refused if the instance is not Available, ValidationError if name or description break a rule.
    """
    backup = Backup(
        name=name,
        description=description,
        type=type,
        expires=expires,
        request_key=request_key,
        instance_uid=instance.id,
        instance_name=instance.name,
        instance_type=instance.type,
        engine=instance.engine,
        engine_version=instance.engine_version,
        compatible_version=instance.compatible_version,
        storage_engine=instance.storage_engine,
        host_id=instance.host_id,
    )
    backup.clean_fields(exclude=["request_key"])
    with transaction.atomic():
        if not Instance.objects.available().filter(pk=instance.pk).update(action=Action.BACKUP):
            current = Instance.objects.filter(pk=instance.pk).first()
            raise Refused(current.backup_refusal if current else _("The instance does not exist any more."))
        backup.instance = instance
        backup.job = jobs.enqueue(
            JobKind.BACKUP,
            host=instance.host,
            instance=instance,
            requested_by=requested_by,
            parameters=about(backup),
        )
        backup.save(force_insert=True)
    return backup


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
    """Write a new instance of the backup's type as Creating and queue the job that fills it with the backup.

    The instance that the backup is of shows Checking restoration meanwhile if it is Available; whatever it is, nothing
    of it is touched. The new instance has the users and passwords of the backup; with `password` its administrator gets
    that one. Coming again with the same `request_key` returns the restoration of the first time. Raises Refused if the
    backup is not Complete, ValidationError if the name or the password breaks its rule.
    """
    if password:
        check_password(password)
    target = Instance(
        name=name,
        type=backup.instance_type,
        host=host_of_restored(backup),
        engine=backup.engine,
        engine_version=backup.engine_version,
        compatible_version=backup.compatible_version,
        storage_engine=backup.storage_engine,
        password_set=True if password else None,
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
            parameters={"source": backup.instance_uid if shown else "", **about(backup)},
            secret=password,
        )
        return _record(backup, target, RestorationWay.NEW, job, request_key)


@audited("ddsRestoreToOldInstance", needs=Permission.MANAGE_INSTANCES, resource="backup")
@once(Restoration)
def restore_to_original(
    *, backup: Backup, safety_backup: bool, requested_by: User | None, request_key: UUID | None = None
) -> Restoration:
    """Queue the job that replaces the data of the backup's instance by the backup, and move it to Restoring.

    With `safety_backup` the same job first makes a manual backup of what it replaces, and fails if it cannot.
    Coming again with the same `request_key` returns the restoration of the first time. Raises Refused if the backup is
    not Complete, or if the instance has gone or is busy.
    """
    with transaction.atomic():
        _take_into_use(backup)
        # By the key, not by the id that is kept of it: a backup that was imported has no original here.
        original = Instance.objects.filter(pk__in=Backup.objects.filter(pk=backup.pk).values("instance"))
        moved = original.idle().update(action=Action.RESTORE)
        target = original.select_related("host").first()
        if target is None or (target.host_id != backup.host_id and not archive_storage().shared):
            raise Refused(backup.original_refusal)
        if not moved:
            raise Refused(target.restore_refusal)
        job = jobs.enqueue(
            JobKind.RESTORE_ORIGINAL,
            host=target.host,
            instance=target,
            requested_by=requested_by,
            parameters=about(backup),
        )
        before = _safety_backup(backup, target, job) if safety_backup else None
        return _record(backup, target, RestorationWay.ORIGINAL, job, request_key, before)


@audited("ddsVerifyBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def verify_backup(*, backup: Backup, requested_by: User | None) -> Job:
    """Queue the job that restores the backup into a throw-away server and counts its documents.

    Raises Refused if the backup is not Complete or is being verified already.
    """
    with transaction.atomic():
        job = jobs.enqueue(
            JobKind.VERIFY,
            host=host_of_archive(backup),
            instance=None,
            requested_by=requested_by,
            parameters=about(backup),
        )
        taken = Backup.objects.restorable().filter(pk=backup.pk, verifying=False)
        if not taken.update(verifying=True, uses=F("uses") + 1, verify_job=job):
            current = Backup.objects.filter(pk=backup.pk).first()
            raise Refused(current.verify_refusal if current else _("The backup does not exist any more."))
    return job


def about(backup: Backup) -> dict[str, str]:
    """A job's parameters that say which backup it is about, also when that has gone."""
    return {"backup": backup.id, "backup_name": backup.name}


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
        compatible_version=target.compatible_version,
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


@audited("ddsDeleteBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def delete_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Mark the backup as Deleting and queue the job that removes its archive and its row. Raises Refused."""
    if not _remove(backup, among=Backup.objects.deletable(), requested_by=requested_by):
        raise Refused(_current(backup).delete_refusal)


@audited("ddsCancelBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def cancel_backup(*, backup: Backup, requested_by: User | None) -> None:
    """End the backup, queued or running, as Failed; its work stops at its next report. Raises Refused."""
    name = requested_by.get_username() if requested_by else _("the console")
    with transaction.atomic():
        current = _current(backup)
        if current.cancel_refusal:
            raise Refused(current.cancel_refusal)
        assert current.job is not None
        if not jobs.cancel(current.job, HANDLERS[JobKind.BACKUP], _("cancelled by %s") % name):
            raise Refused(_current(backup).cancel_refusal)


@audited("ddsModifyBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def edit_description(*, backup: Backup, description: str, requested_by: User | None) -> None:
    """Raises Refused while the backup is being deleted, ValidationError if the description breaks its rule."""
    edited = Backup(description=description)
    edited.clean_fields(exclude=[field.name for field in Backup._meta.fields if field.name != "description"])
    present = Backup.objects.filter(pk=backup.pk).exclude(status=BackupStatus.DELETING)
    if not present.update(description=description):
        raise Refused(_current(backup).edit_refusal)


@audited("ddsLockBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def lock_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Keep the backup from expiring and from being deleted. Raises Refused unless it is Complete and not locked."""
    complete = Backup.objects.filter(pk=backup.pk, status=BackupStatus.COMPLETED, locked=False)
    if not complete.update(locked=True):
        raise Refused(_current(backup).lock_refusal)


@audited("ddsUnlockBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def unlock_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Let the backup expire and be deleted again. Raises Refused if it is not locked."""
    if not Backup.objects.filter(pk=backup.pk, locked=True).update(locked=False):
        raise Refused(_current(backup).unlock_refusal)


@audited("ddsSetBackupPolicy", needs=Permission.MANAGE_INSTANCES, resource="instance")
def set_policy(
    *,
    instance: Instance,
    enabled: bool,
    keep_days: int,
    start_hour: int,
    weekdays: Iterable[int],
    delete_automated: bool = False,
    requested_by: User | None,
) -> Policy:
    """Set when the instance is backed up by itself and for how many days those backups are kept.

    Turning it on starts a backup at once, or as soon as the instance is Available. A change counts from the next
    window that starts; backups made already keep the expiry that they have. With `delete_automated`, turning it off
    deletes the automated backups, except locked ones and one that is being made. Raises Refused if the instance is
    being deleted, ValidationError if a value breaks a rule.
    """
    now = hooks.now()
    with transaction.atomic():
        if not Instance.objects.filter(pk=instance.pk).exclude(action=Action.DELETE).exists():
            raise Refused(_("The instance is being deleted."))
        Policy.objects.bulk_create([Policy.default(instance)], ignore_conflicts=True)
        policy = Policy.objects.select_for_update().select_related("instance").get(pk=instance.pk)
        before, was_on = policy.schedule, policy.enabled
        policy.enabled, policy.keep_days, policy.start_hour = enabled, keep_days, start_hour
        policy.weekdays = weekdays_text(weekdays)
        policy.full_clean(validate_constraints=False)
        if enabled and (not was_on or policy.schedule != before):
            policy.next_window = schedule.first_window(policy.schedule, now)
        policy.at_once = enabled and (policy.at_once or not was_on)
        policy.save()
        if not enabled and delete_automated:
            for backup in Backup.objects.automated().filter(instance=instance).free():
                _remove_for_good(backup, among=Backup.objects.deletable(), requested_by=requested_by)
        if policy.at_once and run_policy(policy=policy, now=now, requested_by=requested_by):
            policy.at_once = False
    return policy


def run_policy(*, policy: Policy, now: datetime, requested_by: User | None = None) -> Backup | None:
    """Start the automated backup that the policy owes now: that of having been turned on, else that of its window.

    Each is started once, however many agents ask: whoever notes in the policy's row that it is served starts it, in
    the same transaction. None if nothing is due, if another was first, or if the instance is not Available: then it
    stays due, the backup of a window until the window's day is over.
    """
    seen = Policy.objects.on().filter(
        pk=policy.pk,
        at_once=policy.at_once,
        next_window=policy.next_window,
        start_hour=policy.start_hour,
        weekdays=policy.weekdays,
    )
    served: dict[str, Any] = {"at_once": False}
    if not policy.at_once:
        window = schedule.window_to_serve(policy.schedule, policy.next_window, now)
        if window > now:
            seen.update(next_window=window)
            return None
        served = {"next_window": schedule.window_after(policy.schedule, window)}
    try:
        with transaction.atomic():
            if not seen.update(**served):
                return None
            return create_backup(
                instance=policy.instance,
                name=schedule.automated_name(policy.instance.id, now),
                type=BackupType.AUTOMATED,
                expires=schedule.expires(now, policy.keep_days),
                requested_by=requested_by,
            )
    except Refused:
        return None


def retire_backup(*, backup: Backup, now: datetime) -> bool:
    """Delete the backup if it has expired; False if it has not, or if something holds it."""
    return _remove_for_good(backup, among=Backup.objects.expired(now), requested_by=None)


def mark_automated_for_removal(sender: object, *, instance: Instance, requested_by: User | None, **kwargs: Any) -> None:
    """The answer to instance_deleting: the instance's automated backups go with it, locked or not.

    Raises Refused, and so keeps the instance, while one of them is being restored or verified.
    """
    automated = Backup.objects.automated().filter(instance=instance)
    if automated.in_use().exists():
        raise Refused(
            _("An automated backup of the instance is being restored or verified. Wait until that has ended.")
        )
    # What could not be removed at first is not kept by its lock: its instance has gone.
    automated.update(locked=False)
    for backup in automated:
        present = Backup.objects.exclude(status=BackupStatus.DELETING)
        _remove_for_good(backup, among=present, requested_by=requested_by)


def _remove_for_good(backup: Backup, *, among: BackupQuerySet, requested_by: User | None) -> bool:
    """As _remove(), with the event that delete_backup() has by being an action."""
    with transaction.atomic():
        removed = _remove(backup, among=among, requested_by=requested_by)
        if removed:
            audit.record("ddsDeleteBackup", user=requested_by, resource=audit.resource_of(backup))
    return removed


def _remove(backup: Backup, *, among: BackupQuerySet, requested_by: User | None) -> bool:
    """Mark the backup as Deleting, if it is one of those, and queue the job that removes its archive and its row."""
    with transaction.atomic():
        if not among.filter(pk=backup.pk).update(status=BackupStatus.DELETING, failure=""):
            return False
        # Without the instance: several of its backups may go at the same time, and after it.
        job = jobs.enqueue(
            JobKind.DELETE_BACKUP,
            host=host_of_archive(backup),
            instance=None,
            requested_by=requested_by,
            parameters=about(backup),
        )
        Backup.objects.filter(pk=backup.pk).update(job=job)
        history.note_newest(backup.instance_uid)
    return True


def _current(backup: Backup) -> Backup:
    """The backup as it is now. Raises Refused if it is gone."""
    current = Backup.objects.shown().filter(pk=backup.pk).first()
    if current is None:
        raise Refused(_("The backup does not exist any more."))
    return current
