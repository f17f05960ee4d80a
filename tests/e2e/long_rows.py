"""Rows with the longest possible texts, for tests of column widths.

`test_widths.run` runs these functions in a separate process, because no test with a browser uses the ORM.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from backups.models import Backup, Restoration
from instances.models import Host, Instance, Job
from tests import factories
from tests.e2e.rows import LONG, events, jobs, restorations

# 64 characters each, the most that a name can have.
INSTANCE = "orders-of-the-shop-in-production-".ljust(64, "i")
BACKUP = "before-the-upgrade-of-the-shop-".ljust(64, "b")
HOST = "database-host-07.shop.example"


@transaction.atomic
def backups() -> None:
    """Create backups of the existing instance INSTANCE and of a deleted one."""
    real = Instance.objects.get(name=INSTANCE)
    gone = factories.make_instance(name=INSTANCE, host=real.host)
    now = timezone.now()
    verified = {"verified_at": now, "verification": {"documents": 9, "collections": 3}}
    every: tuple[dict[str, Any], ...] = (
        {"locked": True, "description": "Before " + "very " * 40, "size": 1_023_000_000, **verified},
        {"type": "Auto", "expires": now + timedelta(days=30), "verify_failure": LONG},
        {"status": "FAILED", "failure": LONG},
        {"damage": LONG},
    )
    for fields in every:
        factories.make_backup(real, name=BACKUP, **fields)
    factories.make_backup(gone, name=BACKUP, locked=True)
    factories.make_backup(gone, name=BACKUP, imported=now)
    gone.delete()


@transaction.atomic
def second_host() -> None:
    """Create a host without an agent, with instances, and tasks, restorations and events of the instance INSTANCE."""
    seen = timezone.now()
    host = factories.make_host(HOST, seen=seen)
    every: tuple[dict[str, Any], ...] = (
        {"port": 65535, "last_backup_at": timezone.now()},
        {"action": "RESTORE_CHECK"},
        {"state": "abnormal", "failure": LONG},
        {"state": "restorefail", "failure": LONG},
        {"state": "createfail", "port": None, "engine": "", "engine_version": "", "failure": LONG},
    )
    for fields in every:
        factories.make_instance(name=INSTANCE, host=host, **fields)
    real = Instance.objects.exclude(host=host).get(name=INSTANCE)
    gone = factories.make_instance(name=INSTANCE, host=host)
    locked = Backup.objects.get(instance=real, locked=True)
    jobs(real, real, gone)
    restorations(real, real, locked)
    events(locked, real)
    gone.delete()
    Host.objects.filter(name="elsewhere").update(seen=seen)


def outage() -> None:
    """Make the hosts without an agent look as if their agents had stopped responding."""
    Host.objects.filter(name__in=["elsewhere", HOST]).update(seen=timezone.now() - timedelta(hours=1))


@transaction.atomic
def no_second_host() -> None:
    """Undo `second_host`, except the events."""
    Restoration.objects.all().delete()
    Job.objects.filter(host__in=["elsewhere", HOST]).delete()
    Instance.objects.filter(host=HOST).delete()
    Host.objects.filter(name__in=["elsewhere", HOST]).delete()
