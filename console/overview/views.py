"""The front page: problems that need attention now, and charts of the last days."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from backups.choices import BackupStatus
from backups.models import Backup, BackupTally, StorageSample, Stored
from console.lists.counting import counted
from console.overview.charts import Chart, Point, Series, Value, stacked
from console.overview.start import guided_start
from console.text import times
from console.text.days import Day, by_day, last_days
from console.web.htmx import live, render_list
from console.web.request import Request
from instances.choices import Status
from instances.models import Host, Instance, Job

DAYS = 14
# Report an instance that has had no Complete backup for longer than this.
BACKUP_EVERY = timedelta(hours=24)
FAILURES_SINCE = timedelta(days=7)
# The rows shown of each list on this page. Each links to the whole list.
LISTED = 8
# The shortest history from which growth is calculated.
GROWTH_KNOWN_AFTER = timedelta(days=1)
DAY = timedelta(days=1)


@live
@require_safe
def home(request: Request) -> HttpResponse:
    """Show the overview."""
    now = timezone.now()
    days = last_days(now, timezone.get_current_timezone(), DAYS)
    statuses = Instance.objects.by_status()
    late = now - BACKUP_EVERY
    context = {
        "start": guided_start(request, sum(statuses.values())),
        "statuses": [_status(status, count) for status, count in statuses.items()],
        "backups_chart": backups_chart(days),
        "storage": storage(days),
        "without_backup": counted(Instance.objects.without_backup_since(late)),
        "new_without_backup": counted(Instance.objects.new_without_backup(late)),
        "protection": [(instance, instance.unprotected_since < late) for instance in _least_protected()],
        "faulty": list(Instance.objects.shown().faulty()[:LISTED]),
        "damaged": counted(Backup.objects.damaged()),
        "failures": list(Job.objects.select_related("instance").failed_since(now - FAILURES_SINCE)[:LISTED]),
        "any_in_progress": bool({Status.ABNORMAL, Status.RESTARTING} & set(statuses)) or Job.objects.unended().exists(),
    }
    return render_list(request, "overview/overview.html", "overview/_overview.html", context)


def _least_protected() -> list[Instance]:
    """Return the instances that have gone longest without a backup; first those of which that is unknown."""
    unknown = list(Instance.objects.shown().backed_up_in_future()[:LISTED])
    known = Instance.objects.shown().longest_without_backup()[:LISTED]
    return [*unknown, *(instance for instance in known if instance not in unknown)][:LISTED]


def _status(status: Status, count: int) -> dict[str, Any]:
    url = f"{reverse('instances:list')}?{urlencode({'status': status.code})}"
    return {"status": status, "count": count, "url": url}


# --- Backups ----------------------------------------------------------------------------------------------


def backups_chart(days: Sequence[Day]) -> Chart:
    """Return the chart of backups by the day of their start and by status, including deleted backups."""
    tallies = by_day(days, BackupTally.objects.between(days[0].start, days[-1].end))
    running = Backup.objects.being_made().started_on(days)
    counts = [
        (sum(done for done, _failed in tally), sum(failed for _done, failed in tally), being_made)
        for tally, being_made in zip(tallies, running, strict=True)
    ]
    return counts_chart(days, counts, reverse("backups:list"))


def counts_chart(days: Sequence[Day], counts: Sequence[tuple[int, int, int]], url: str) -> Chart:
    """Return the chart of each day's Complete, Failed and running backups. `url` is the list that columns link to."""
    series = [
        Series(str(BackupStatus.COMPLETED.label), "complete"),
        Series(str(BackupStatus.FAILED.label), "failed"),
        Series(str(BackupStatus.BUILDING.label), "running"),
    ]
    points = []
    for day, of_day in zip(days, counts, strict=True):
        values = [Value(count, number_format(count, force_grouping=True)) for count in of_day]
        points.append(point(day, values, url=_backups_of(day, url)))
    return stacked(series, points)


def point(day: Day, values: Sequence[Value], url: str = "") -> Point:
    return Point(str(day.date.day), times.day(day.date), values, url)


def _backups_of(day: Day, url: str) -> str:
    """Return the URL of the day's backups in the list at `url`, whose filter uses the same time zone."""
    moments = {"since": f"{day.date}T00:00", "until": f"{day.date}T23:59:59.999"}
    return f"{url}?{urlencode(moments)}"


# --- Storage ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Used:
    """Bytes used by archives and by instances' data at a moment; None for data that has not been measured."""

    taken: datetime
    archives: int
    data: int | None


@dataclass(frozen=True)
class Storage:
    chart: Chart
    now: Used
    # Bytes free for archives on all hosts; None if unknown.
    free: int | None
    # Bytes per day; None if unknown.
    growth: float | None

    @property
    def grows(self) -> int:
        return max(round(self.growth or 0), 0)

    @property
    def shrinks(self) -> int:
        return max(round(-(self.growth or 0)), 0)

    @property
    def days_left(self) -> int | None:
        """Return how many days the free storage lasts at this growth; None if unknown or more than a year."""
        days = self.free / self.grows if self.free is not None and self.grows else inf
        return int(days) if days < 365 else None


def storage(days: Sequence[Day]) -> Storage | None:
    """Return the storage used, its history and its growth; None before the first sample."""
    used = used_by_day(days, StorageSample.objects.since(days[0].start))
    latest = used[-1]
    if latest is None:
        return None
    series = [Series(_("Archives"), "archives"), Series(_("Data of instances"), "data")]
    points = []
    for day, each in zip(days, used, strict=True):
        sizes = [each.archives, each.data] if each else [None, None]
        points.append(point(day, [_size(size) for size in sizes]))
    free = [host.storage_free for host in Host.objects.all() if host.storage_free is not None]
    return Storage(stacked(series, points, binary=True), latest, sum(free) if free else None, growth(used))


def _size(size: int | None) -> Value:
    return Value(size or 0, _("unknown") if size is None else filesizeformat(size))


def used_by_day(days: Sequence[Day], samples: Sequence[tuple[datetime, Stored]]) -> list[Used | None]:
    """Return the bytes used at the end of each day. A host without a sample that day counts with its last sample."""
    last: dict[str, Stored] = {}
    taken: datetime | None = None
    used: list[Used | None] = []
    for of_day in by_day(days, [(moment, (moment, stored)) for moment, stored in samples]):
        for moment, stored in of_day:
            last[stored.host], taken = stored, moment
        known = last.values()
        used.append(
            Used(taken, sum(each.archives for each in known), _sum(each.data for each in known)) if taken else None
        )
    return used


def _sum(sizes: Iterable[int | None]) -> int | None:
    """Return the sum of the known sizes; None if there are sizes, but none is known."""
    listed = list(sizes)
    known = [size for size in listed if size is not None]
    return sum(known) if known or not listed else None


def growth(used: Sequence[Used | None]) -> float | None:
    """Return bytes per day between the first and the last known value; None if they are less than a day apart."""
    known = [(each.taken, each.archives + each.data) for each in used if each and each.data is not None]
    if not known or (span := known[-1][0] - known[0][0]) < GROWTH_KNOWN_AFTER:
        return None
    return (known[-1][1] - known[0][1]) / (span / DAY)
