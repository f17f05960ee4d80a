"""The work that the agent does for automated backups every few seconds."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from backups.models import Backup, Policy
from backups.services.delete import retire_backup
from backups.services.policy import run_policy
from instances.choices import JobKind
from instances.models import Instance, InstanceQuerySet

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
    run_due_policies(host, now)
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


def retire_expired(host: str, now: datetime) -> None:
    tried = Q(job__kind=JobKind.DELETE_BACKUP, job__ended__gt=now - RETRY_AFTER)
    expired = Backup.objects.expired(now).filter(host=host).exclude(tried).select_related("host")
    for backup in expired.order_by("expires")[:AT_ONCE]:
        retire_backup(backup=backup, now=now)
