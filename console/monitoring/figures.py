"""The readiness of the console, and its metrics in the format of Prometheus."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Avg, Count, F, Min, OuterRef, Subquery, Sum
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from backups.models import Backup
from backups.storage.base import archive_storage
from console.notifications import events
from console.notifications.choices import EventKind
from console.processes.outages import Outages
from console.text import clocks
from console.text.messages import Message
from instances.choices import JobStatus
from instances.models import Host, Instance, Job, offline_after

_log = logging.getLogger(__name__)
_outages = Outages(_log)

STORAGE_CHECK_EVERY = timedelta(seconds=15)
DAY = timedelta(days=1)


def check_storage(host: str, now: datetime) -> None:
    """Store whether the host's agent can write archives, and the free bytes. The agent calls this every few seconds."""
    if Host.objects.filter(name=host, storage_checked__gt=now - STORAGE_CHECK_EVERY, storage_checked__lte=now).exists():
        return
    free, failure = None, ""
    try:
        free = archive_storage().free_space()
    except OSError as error:
        failure = error.strerror or str(error)
        _outages.begin("storage", f"The storage of the backups cannot be used: {error}")
    else:
        _outages.end("storage", "The storage of the backups can be used again.")
    with transaction.atomic():
        Host.objects.filter(name=host).update(storage_free=free, storage_failure=failure, storage_checked=now)
        if failure:
            message = Message("event.storage_unwritable", host=host, reason=failure)
            events.report(EventKind.STORAGE_UNWRITABLE, message, path="/", lasting=f"storage:{host}")
        elif events.lasting_of(EventKind.STORAGE_UNWRITABLE):
            events.end(f"storage:{host}")


def readiness(now: datetime) -> dict[str, str]:
    """Return "ok", or what is wrong, for each part of the console."""
    try:
        hosts = list(Host.objects.all())
    except (DatabaseError, InterfaceError):
        return {"database": "The console database is not responding."}
    online = [host for host in hosts if host.is_online(now)]
    usable = [host for host in online if not host.storage_failure]
    unusable = "No agent can write to the storage of the backups"
    if reasons := sorted({host.storage_failure for host in online if host.storage_failure}):
        unusable += f": {'; '.join(reasons)}"
    return {
        "database": "ok",
        "agent": "ok" if online else f"No agent has sent a heartbeat for {offline_after().seconds} seconds.",
        "storage": "ok" if usable else f"{unusable}.",
    }


def metrics() -> bytes:
    """Return all metrics. They come from the console database, so any web process can answer for the whole console."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Console())
    return generate_latest(registry)


class _Console:
    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        yield from _of_hosts(now)
        yield from _of_jobs(now)
        yield from _of_instances()
        yield from _of_backups(now)


def _of_hosts(now: datetime) -> Iterator[Metric]:
    seen = GaugeMetricFamily("console_agent_seen_timestamp_seconds", "The agent's last heartbeat.", labels=["host"])
    online = GaugeMetricFamily("console_agent_online", "1 while the agent sends heartbeats.", labels=["host"])
    usable = GaugeMetricFamily("console_storage_usable", "1 if the agent can write archives.", labels=["host"])
    free = GaugeMetricFamily("console_storage_free_bytes", "Free for archives.", labels=["host"])
    for host in Host.objects.all():
        online.add_metric([host.name], host.is_online(now))
        if host.seen:
            seen.add_metric([host.name], host.seen.timestamp())
        if host.storage_checked:
            usable.add_metric([host.name], not host.storage_failure)
        if host.storage_free is not None:
            free.add_metric([host.name], host.storage_free)
    yield from (seen, online, usable, free)


def _of_jobs(now: datetime) -> Iterator[Metric]:
    unended = GaugeMetricFamily("console_jobs", "Jobs that have not ended.", labels=["kind", "status"])
    oldest = GaugeMetricFamily("console_job_oldest_seconds", "The age of the oldest of them.", labels=["status"])
    ages: dict[str, float] = dict.fromkeys([status for status in JobStatus if status.in_progress], 0.0)
    for row in Job.objects.unended().values("kind", "status").annotate(jobs=Count("pk"), first=Min("created")):
        unended.add_metric([row["kind"], row["status"]], row["jobs"])
        ages[row["status"]] = max(ages[row["status"]], (now - row["first"]).total_seconds())
    for status, age in ages.items():
        oldest.add_metric([status], age)
    ended = GaugeMetricFamily("console_jobs_last_day", "Jobs of the last 24 h that ended.", labels=["kind", "status"])
    took = GaugeMetricFamily("console_job_seconds_last_day", "How long they took, on average.", labels=["kind"])
    for status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED):
        of_day = Job.objects.filter(status=status, created__gte=now - DAY, created__lte=clocks.latest(now))
        for kind in of_day.values("kind").annotate(jobs=Count("pk"), took=Avg(F("ended") - F("started"))):
            ended.add_metric([kind["kind"], status], kind["jobs"])
            if status == JobStatus.COMPLETED and kind["took"]:
                took.add_metric([kind["kind"]], kind["took"].total_seconds())
    yield from (unended, oldest, ended, took)


def _of_instances() -> Iterator[Metric]:
    family = GaugeMetricFamily("console_instances", "Instances by the status that they show.", labels=["status"])
    for status, count in Instance.objects.by_status().items():
        family.add_metric([status.code], count)
    yield family


def _of_backups(now: datetime) -> Iterator[Metric]:
    counts = GaugeMetricFamily("console_backups", "Backups by status.", labels=["status"])
    backups = Backup.objects.order_by()
    total = backups.aggregate(bytes=Sum("size"))["bytes"] or 0
    damaged = GaugeMetricFamily(
        "console_backups_damaged",
        "Complete backups whose archive is known to be missing or damaged.",
        value=Backup.objects.damaged().count(),
    )
    stored = GaugeMetricFamily("console_backup_bytes", "The size of all archives.", value=total)
    for row in backups.values("status").annotate(backups=Count("pk")):
        counts.add_metric([row["status"]], row["backups"])
    in_future = GaugeMetricFamily(
        "console_backups_in_future",
        "Backups that start in the future, because a clock was wrong.",
        value=backups.filter(started__gt=clocks.latest(now)).count(),
    )
    complete = Backup.objects.whole().filter(instance_uid=OuterRef("pk"), started__lte=clocks.latest(now))
    newest = Subquery(complete.order_by("-started").values("started")[:1])
    age = GaugeMetricFamily(
        "console_backup_age_seconds", "Since an instance's newest Complete backup.", labels=["instance", "name"]
    )
    instances = Instance.objects.order_by().annotate(newest=newest)
    for id, name, moment in instances.values_list("pk", "name", "newest").iterator():
        if moment:
            age.add_metric([id, name], (now - moment).total_seconds())
    yield from (counts, damaged, in_future, stored, age)
