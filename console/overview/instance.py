"""The home of an instance: what it is, how it is protected, and what has happened to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from backups.choices import BackupStatus
from backups.models import Backup, DataSample, Policy, Restoration, Stored
from console.accounts import roles
from console.accounts.roles import Permission
from console.audit.models import AuditEvent
from console.overview.charts import Chart, Series, Value, stacked
from console.overview.views import DAYS, Used, counts_chart, growth, point, used_by_day
from console.text.days import Day, by_day, last_days
from console.web.htmx import live, render_list
from console.web.request import Request
from instances import connecting
from instances.choices import State
from instances.models import Instance, Job

# The rows shown of each list on this page. Each links to the whole list.
LISTED = 5


@require_safe
@live
def instance_home(request: Request, instance_id: str) -> HttpResponse:
    """Show an instance's home."""
    instance = get_object_or_404(Instance.objects.shown().select_related("backup_policy"), pk=instance_id)
    now = timezone.now()
    days = last_days(now, timezone.get_current_timezone(), DAYS)
    running = list(Job.objects.unended().filter(instance=instance).order_by("created", "id"))
    context = {
        "instance": instance,
        "connection_string": connecting.connection_string(instance),
        "snippets": connecting.snippets(instance),
        "has_policy": instance.state not in {State.CREATING, State.CREATION_FAILED},
        "policy": Policy.of(instance),
        "running": running,
        "backups": _backups(instance),
        "backups_chart": _backups_chart(instance, days),
        "data": data(instance, days, DataSample.objects.of(instance.id).between(days[0].start, now)),
        "restorations": Restoration.objects.shown().of(instance)[:LISTED],
        "tasks": Job.objects.filter(instance_uid=instance.id).select_related("requested_by")[:LISTED],
        "events": _events(request, instance),
        "any_in_progress": instance.in_transition or bool(running),
    }
    return render_list(request, "overview/instance.html", "overview/_instance.html", context)


def _backups(instance: Instance) -> dict[str, Any]:
    """Return the last Complete backup, and the number and the bytes of all of them."""
    own = Backup.objects.filter(instance_uid=instance.id)
    last = own.whole().filter(imported__isnull=True).defer("contents").best_first().first()
    complete = Count("pk", filter=Q(status=BackupStatus.COMPLETED))
    return {"last": last, **own.aggregate(complete=complete, size=Sum("size"))}


def _backups_chart(instance: Instance, days: Sequence[Day]) -> Chart:
    """Return the chart of the instance's backups by the day of their start, without deleted ones."""
    own = Backup.objects.filter(instance_uid=instance.id, started__gte=days[0].start, started__lt=days[-1].end)
    done = {BackupStatus.COMPLETED, BackupStatus.DELETING}
    counts = []
    for of_day in by_day(days, own.order_by().values_list("started", "status")):
        failed, running = of_day.count(BackupStatus.FAILED), of_day.count(BackupStatus.BUILDING)
        counts.append((sum(status in done for status in of_day), failed, running))
    return counts_chart(days, counts, reverse("backups:instance", args=[instance.id]))


@dataclass(frozen=True)
class Data:
    """The size of an instance's data, its history, and its growth in bytes per day; None if unknown."""

    chart: Chart
    size: int
    growth: float | None

    @property
    def grows(self) -> int:
        return max(round(self.growth or 0), 0)

    @property
    def shrinks(self) -> int:
        return max(round(-(self.growth or 0)), 0)


def data(instance: Instance, days: Sequence[Day], samples: Sequence[tuple[datetime, int]]) -> Data | None:
    """Return the size of the instance's data by day; None before it is known."""
    taken = [*samples]
    if instance.facts_at and instance.storage_bytes is not None:
        taken.append((instance.facts_at, instance.storage_bytes))
    used = used_by_day(days, [(moment, Stored("", 0, size)) for moment, size in taken])
    if used[-1] is None or used[-1].data is None:
        return None
    points = [point(day, [_size(each)]) for day, each in zip(days, used, strict=True)]
    return Data(stacked([Series(_("Data"), "data")], points, binary=True), used[-1].data, growth(used))


def _size(used: Used | None) -> Value:
    size = used.data if used else None
    return Value(size or 0, _("unknown") if size is None else filesizeformat(size))


def _events(request: Request, instance: Instance) -> Sequence[AuditEvent] | None:
    """Return the newest events of the instance and its newest backups; None if the user may not read the audit."""
    if roles.refusal(request.user, Permission.READ_AUDIT):
        return None
    backups = Backup.objects.filter(instance_uid=instance.id).order_by("-started", "-id").values("pk")[:LISTED]
    return list(AuditEvent.objects.filter(Q(resource_id=instance.id) | Q(resource_id__in=backups))[:LISTED])
