"""The work that the agent does for automated backups every few seconds."""

import logging
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from backups.models import Backup, Policy
from backups.policy import schedule
from backups.services.delete import retire_backup
from backups.services.policy import run_policy
from backups.storage.base import archive_storage
from console.text import clocks
from instances.choices import JobKind
from instances.models import Instance, InstanceQuerySet

log = logging.getLogger(__name__)

# Older instances already have a policy, because every agent writes missing policies when it starts.
NEW = timedelta(days=1)
# Retry deleting an expired backup this long after a failure.
RETRY_AFTER = timedelta(days=1)
# One call deletes at most this many expired backups; the next call continues.
AT_ONCE = 100


def begin() -> None:
    """Write the policies of instances created while no agent ran. Call this when an agent starts."""
    _write_default_policies(Instance.objects.all())


def tend(host: str, now: datetime) -> None:
    """Write the policies of new instances; on this host, start the backups that are due and delete expired ones.

    It is safe to call this at any time, any number of times.
    """
    # An instance's creation time comes from the real clock, which may be ahead of `now` or behind it.
    _write_default_policies(Instance.objects.filter(created__gte=min(now, timezone.now()) - NEW))
    mend_windows(host, now)
    run_due_policies(host, now)
    mend_expiry(host, now)
    retire_expired(host, now)


def _write_default_policies(instances: InstanceQuerySet) -> None:
    """Write the default policy, with its next window, for the instances that have no policy yet."""
    new = instances.filter(backup_policy__isnull=True)
    Policy.objects.bulk_create([Policy.default(instance) for instance in new], ignore_conflicts=True)


def run_due_policies(host: str, now: datetime) -> None:
    # Run two queries, so that each uses its own index.
    for due in (Policy.objects.on().filter(at_once=True), Policy.objects.on().filter(next_window__lte=now)):
        for policy in due.select_related("instance__host"):
            if policy.instance.host_id == host and not policy.instance.backup_refusal:
                run_policy(policy=policy, now=now)


def mend_windows(host: str, now: datetime) -> None:
    """Bring the windows back that a clock moved too far ahead; window_to_serve() says which those are."""
    # No policy has two windows within a day, so only later ones can be wrong.
    later = Policy.objects.on().filter(instance__host=host, next_window__gte=now + schedule.DAY + schedule.WINDOW)
    for policy in later:
        window = schedule.window_to_serve(policy.schedule, policy.next_window, now)
        if window != policy.next_window:
            Policy.objects.filter(pk=policy.pk, next_window=policy.next_window).update(next_window=window)
            log.warning(
                "The next automated backup of instance %s was due at %s: a clock was wrong. It is now due at %s.",
                *(policy.pk, policy.next_window, window),
            )


def mend_expiry(host: str, now: datetime) -> None:
    """Let automated backups that start in the future expire after a retention counted from now.

    If the present clock is the wrong one, their own expiry comes back with the right time.
    """
    # The start comes from the real clock.
    automated, latest = Backup.objects.automated().filter(host=host), clocks.latest(timezone.now())
    for backup in automated.filter(started__gt=latest, expires_by_start=None):
        if backup.expires:
            keep = backup.expires - backup.started
            unchanged = Backup.objects.filter(pk=backup.pk, expires=backup.expires, expires_by_start=None)
            unchanged.update(expires=now + keep, expires_by_start=backup.expires)
            log.warning("Backup %s starts in the future: a clock was wrong. It expires %s from now.", backup.pk, keep)
    for backup in Backup.objects.filter(host=host, expires_by_start__isnull=False, started__lte=latest):
        Backup.objects.filter(pk=backup.pk).update(expires=backup.expires_by_start, expires_by_start=None)


def retire_expired(host: str, now: datetime) -> None:
    """Delete expired backups, unless the storage is not responding or is not the one that has the archives."""
    latest = clocks.latest(max(now, timezone.now()))
    tried = Q(job__kind=JobKind.DELETE_BACKUP, job__ended__gt=now - RETRY_AFTER, job__ended__lte=latest)
    expired = Backup.objects.expired(now).filter(host=host).exclude(tried).select_related("host")
    found = list(expired.order_by("expires")[:AT_ONCE])
    if found and _storage_is_there():
        for backup in found:
            retire_backup(backup=backup, now=now)


def _storage_is_there() -> bool:
    try:
        archive_storage().require_there()
    except OSError:
        # The agent's check of the storage reports the reason.
        return False
    return True
