"""What people do to backups: one function per action, for pages, API and scheduler alike."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from backups import schedule
from backups.choices import BackupStatus, BackupType
from backups.handlers import HANDLERS
from backups.models import Backup, BackupQuerySet, Policy, weekdays_text
from console.exceptions import Refused
from instances import jobs
from instances.choices import Action, JobKind
from instances.models import Instance

POLICY_FIELDS = ("enabled", "keep_days", "start_hour", "weekdays", "delete_automated")


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
    made = Backup.objects.filter(request_key=request_key).first() if request_key else None
    if made:
        return made
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
        storage_engine=instance.storage_engine,
        host_id=instance.host_id,
    )
    backup.clean_fields(exclude=["request_key"])
    with transaction.atomic():
        if not Instance.objects.available().filter(pk=instance.pk).update(action=Action.BACKUP):
            made = Backup.objects.filter(request_key=request_key).first() if request_key else None
            if made:
                return made
            current = Instance.objects.filter(pk=instance.pk).first()
            raise Refused(current.backup_refusal if current else _("The instance does not exist any more."))
        backup.instance = instance
        backup.job = jobs.enqueue(JobKind.BACKUP, host=instance.host, instance=instance, requested_by=requested_by)
        backup.save(force_insert=True)
    return backup


def delete_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Mark the backup as Deleting and queue the job that removes its archive and its row. Raises Refused."""
    if not _remove(backup, among=Backup.objects.deletable(), requested_by=requested_by):
        raise Refused(_current(backup).delete_refusal)


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


def edit_description(*, backup: Backup, description: str, requested_by: User | None) -> None:
    """Raises Refused while the backup is being deleted, ValidationError if the description breaks its rule."""
    edited = Backup(description=description)
    edited.clean_fields(exclude=[field.name for field in Backup._meta.fields if field.name != "description"])
    present = Backup.objects.filter(pk=backup.pk).exclude(status=BackupStatus.DELETING)
    if not present.update(description=description):
        raise Refused(_current(backup).edit_refusal)


def lock_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Keep the backup from expiring and from being deleted. Raises Refused unless it is Complete and not locked."""
    complete = Backup.objects.filter(pk=backup.pk, status=BackupStatus.COMPLETED, locked=False)
    if not complete.update(locked=True):
        raise Refused(_current(backup).lock_refusal)


def unlock_backup(*, backup: Backup, requested_by: User | None) -> None:
    """Let the backup expire and be deleted again. Raises Refused if it is not locked."""
    if not Backup.objects.filter(pk=backup.pk, locked=True).update(locked=False):
        raise Refused(_current(backup).unlock_refusal)


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
    now = timezone.now()
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
                _remove(backup, among=Backup.objects.deletable(), requested_by=requested_by)
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
    return _remove(backup, among=Backup.objects.expired(now), requested_by=None)


def mark_automated_for_removal(sender: object, *, instance: Instance, requested_by: User | None, **kwargs: Any) -> None:
    """The answer to instance_deleting: the instance's automated backups go with it, locked or not."""
    for backup in Backup.objects.automated().filter(instance=instance):
        present = Backup.objects.exclude(status=BackupStatus.DELETING)
        _remove(backup, among=present, requested_by=requested_by)


def _remove(backup: Backup, *, among: BackupQuerySet, requested_by: User | None) -> bool:
    """Mark the backup as Deleting, if it is one of those, and queue the job that removes its archive and its row."""
    with transaction.atomic():
        if not among.filter(pk=backup.pk).update(status=BackupStatus.DELETING, failure=""):
            return False
        # Without the instance: several of its backups may go at the same time, and after it.
        job = jobs.enqueue(
            JobKind.DELETE_BACKUP,
            host=backup.host,
            instance=None,
            requested_by=requested_by,
            parameters={"backup": backup.id},
        )
        Backup.objects.filter(pk=backup.pk).update(job=job)
    return True


def _current(backup: Backup) -> Backup:
    """The backup as it is now. Raises Refused if it is gone."""
    current = Backup.objects.shown().filter(pk=backup.pk).first()
    if current is None:
        raise Refused(_("The backup does not exist any more."))
    return current
