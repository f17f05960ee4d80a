"""What the agent does by itself for automated backups, every few seconds."""

from datetime import datetime, timedelta

from django.db.models import Q

from backups import services
from backups.models import Backup, Policy
from instances.choices import JobKind
from instances.models import Instance

# An expired backup whose deletion failed is tried again after this long.
RETRY_AFTER = timedelta(days=1)


def tend(host: str, now: datetime) -> None:
    """Write the policies of new instances, start the backups that are due, retire the backups that have expired.

    For the instances and archives of this host. It may be called at any time, any number of times.
    """
    write_default_policies(host)
    run_due_policies(host, now)
    retire_expired(host, now)


def write_default_policies(host: str) -> None:
    """A new instance has the default policy; from here on it is in a row, with the next window."""
    new = Instance.objects.filter(host=host, backup_policy__isnull=True)
    Policy.objects.bulk_create([Policy.default(instance) for instance in new], ignore_conflicts=True)


def run_due_policies(host: str, now: datetime) -> None:
    available = Policy.objects.on().filter(instance__in=Instance.objects.available().filter(host=host))
    due = available.filter(Q(at_once=True) | Q(next_window__lte=now))
    for policy in due.select_related("instance__host").order_by("next_window", "instance"):
        services.run_policy(policy=policy, now=now)


def retire_expired(host: str, now: datetime) -> None:
    tried = Q(job__kind=JobKind.DELETE_BACKUP, job__ended__gt=now - RETRY_AFTER)
    for backup in Backup.objects.expired(now).filter(host=host).exclude(tried).select_related("host"):
        services.retire_backup(backup=backup, now=now)
