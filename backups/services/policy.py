"""Set the policy of an instance's automated backups, and start the backups that are due."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from backups.choices import BackupType
from backups.models import Backup, Policy, weekdays_text
from backups.names import AUTOMATED, timed_name
from backups.policy import clock, schedule
from backups.services.create import create_backup
from backups.services.delete import remove_with_event
from console.accounts.roles import Permission
from console.audit.audited import accept_edit, audited
from console.text.changes import Values
from console.text.messages import Message
from console.text.refused import Refused
from instances.choices import Action
from instances.models import Instance

# The values that set_policy() takes.
POLICY_FIELDS = ("enabled", "keep_days", "start_hour", "weekdays", "delete_automated")


@audited("ddsSetBackupPolicy", needs=Permission.MANAGE_INSTANCES, resource="instance")
def set_policy(
    *,
    instance: Instance,
    enabled: bool,
    keep_days: int,
    start_hour: int,
    weekdays: Iterable[int],
    delete_automated: bool = False,
    opened_with: Values | None = None,
    requested_by: User | None,
) -> Policy:
    """Set when the instance is backed up automatically and for how many days those backups are kept.

    Turning the policy on starts a backup at once, or as soon as the instance is Available. A change applies from the
    next window that starts; a backup that is due stays due, and existing backups keep their expiry. With
    `delete_automated`, turning the policy off deletes the automated backups, except locked ones and one that is being
    made. Raises Refused if the instance is being deleted, Changed if the policy differs from `opened_with`,
    ValidationError if a value breaks a rule.
    """
    now = clock.now()
    with transaction.atomic():
        if not Instance.objects.filter(pk=instance.pk).exclude(action=Action.DELETE).exists():
            raise Refused(Message("instance.deleting"))
        Policy.objects.bulk_create([Policy.default(instance)], ignore_conflicts=True)
        policy = Policy.objects.select_for_update().select_related("instance").get(pk=instance.pk)
        before, was_on, pending, values = policy.schedule, policy.enabled, policy.next_run, policy.editable
        policy.enabled, policy.keep_days, policy.start_hour = enabled, keep_days, start_hour
        policy.weekdays = weekdays_text(weekdays)
        policy.full_clean(validate_constraints=False)
        accept_edit(before=values, after=policy.editable, opened_with=opened_with)
        if enabled and (not was_on or policy.schedule != before):
            is_due = was_on and pending <= now
            policy.next_window = pending if is_due else schedule.first_window(policy.schedule, now)
        policy.at_once = enabled and (policy.at_once or not was_on)
        policy.save()
        if not enabled and delete_automated:
            for backup in Backup.objects.automated().filter(instance=instance).free():
                remove_with_event(backup, among=Backup.objects.deletable(), requested_by=requested_by)
        if policy.at_once and run_policy(policy=policy, now=now, requested_by=requested_by):
            policy.at_once = False
    return policy


def run_policy(*, policy: Policy, now: datetime, requested_by: User | None = None) -> Backup | None:
    """Start the automated backup that is due: the first after the policy was turned on, or a window's backup.

    If both are due, because the instance was busy until the window started, one backup serves as both.
    However many agents call this, each backup starts once, because only one transaction can update the policy's row.
    Returns None if nothing is due, if another caller was first, or if the instance is not Available. In the last case
    the backup stays due, but a window's backup stays due only until the end of the window's day.
    """
    seen = Policy.objects.on().filter(
        pk=policy.pk,
        at_once=policy.at_once,
        next_window=policy.next_window,
        start_hour=policy.start_hour,
        weekdays=policy.weekdays,
    )
    window = schedule.window_to_serve(policy.schedule, policy.next_window, now)
    if window <= now:
        following = schedule.window_after(policy.schedule, window, now)
    elif policy.at_once:
        following = window
    else:
        seen.update(next_window=window)
        return None
    try:
        with transaction.atomic():
            if not seen.update(at_once=False, next_window=following):
                return None
            return create_backup(
                instance=policy.instance,
                name=timed_name(AUTOMATED, policy.instance.name, now),
                type=BackupType.AUTOMATED,
                expires=schedule.expires(now, policy.keep_days),
                requested_by=requested_by,
            )
    except Refused:
        return None
