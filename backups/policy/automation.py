"""What the agent does by itself for automated backups, every few seconds."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from backups import services
from backups.models import Backup, Policy
from instances.choices import JobKind
from instances.models import Instance, InstanceQuerySet

# An instance that is older has got its policy, at the latest at the agent's start.
NEW = timedelta(days=1)
# An expired backup whose deletion failed is tried again after this long.
RETRY_AFTER = timedelta(days=1)
# Of a great many at the same time, the rest is for the next look.
AT_ONCE = 100


def begin() -> None:
    """At an agent's start: write the policies of the instances that were made while no agent looked."""
    _write_default_policies(Instance.objects.all())


def tend(host: str, now: datetime) -> None:
    """Write the policies of new instances, start the backups that are due, retire the backups that have expired.

    The latter two for the instances and archives of this host. It may be called at any time, any number of times.
    """
    # Instances are created by the real clock, wherever tests have moved this one.
    _write_default_policies(Instance.objects.filter(created__gte=min(now, timezone.now()) - NEW))
    run_due_policies(host, now)
    retire_expired(host, now)


def _write_default_policies(instances: InstanceQuerySet) -> None:
    """A new instance has the default policy; from here on it is in a row, with the next window."""
    new = instances.filter(backup_policy__isnull=True)
    Policy.objects.bulk_create([Policy.default(instance) for instance in new], ignore_conflicts=True)


def run_due_policies(host: str, now: datetime) -> None:
    # Two queries, and the instances judged here: so each has its index, whatever else there is.
    for due in (Policy.objects.on().filter(at_once=True), Policy.objects.on().filter(next_window__lte=now)):
        for policy in due.select_related("instance__host"):
            if policy.instance.host_id == host and not policy.instance.backup_refusal:
                services.run_policy(policy=policy, now=now)


def retire_expired(host: str, now: datetime) -> None:
    tried = Q(job__kind=JobKind.DELETE_BACKUP, job__ended__gt=now - RETRY_AFTER)
    expired = Backup.objects.expired(now).filter(host=host).exclude(tried).select_related("host")
    for backup in expired.order_by("expires")[:AT_ONCE]:
        services.retire_backup(backup=backup, now=now)
