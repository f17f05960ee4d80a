from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_safe

from backups.models import Backup, BackupQuerySet
from backups.services.restore import restore_to_new_instance
from console.accounts.access import performs
from console.text import times
from console.text.days import Day, by_day, days_of_month
from console.web.dialogs import render_dialog
from console.web.request import Request
from instances.models import Instance

# The backups shown of the chosen day, the newest ones.
LISTED = 20
WEEK = 7


@dataclass(frozen=True)
class Cell:
    """A day of the calendar, with the number of its backups."""

    date: date
    backups: int
    is_chosen: bool

    @property
    def label(self) -> str:
        """Return the day and the number of its backups, for screen readers."""
        count = ngettext("%d backup", "%d backups", self.backups) % self.backups
        return f"{times.day(self.date)}{pgettext('after a label', ': ')}{count}"


@performs(restore_to_new_instance)
@require_safe
def backup_choose(request: Request, instance_id: str) -> HttpResponse:
    """Show a calendar of the instance's Complete backups, each of which leads to the Restore dialog."""
    instance = get_object_or_404(Instance, pk=instance_id)
    found = Backup.objects.restorable().filter(instance_uid=instance.id)
    return render_dialog(
        request,
        "backups/_choose.html",
        page="backups/choose.html",
        title=_("Restore from Backup"),
        back=instance.get_absolute_url(),
        instance=instance,
        **_calendar(found, _chosen(request)),
    )


def _chosen(request: Request) -> date | None:
    """Return the day that the query string names; None if it names none."""
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        return None
    # Near the ends of the calendar, time zones would overflow.
    return day if 1970 <= day.year < 9999 else None


def _calendar(found: BackupQuerySet, chosen: date | None) -> dict[str, Any]:
    """Return the month of the chosen day, by default the day of the newest backup, and that day's backups."""
    newest = found.order_by("-started", "-id").values_list("started", flat=True).first()
    chosen = chosen or times.local(newest or timezone.now()).date()
    days = days_of_month(chosen, timezone.get_current_timezone())
    first, last = days[0].start, days[-1].end
    of_month = found.filter(started__gte=first, started__lt=last).order_by("started")
    counts = [len(of_day) for of_day in by_day(days, of_month.values_list("started", "pk"))]
    day = days[chosen.day - 1]
    before, after = found.filter(started__lt=first), found.filter(started__gte=last)
    return {
        "has_backups": newest is not None,
        "month": times.month(chosen),
        "weekdays": [(WEEKDAYS_ABBR[number], WEEKDAYS[number]) for number in range(WEEK)],
        "weeks": _weeks(days, counts, chosen),
        "chosen": times.day(chosen),
        "earlier": _day_of(before.order_by("-started", "-id")),
        "later": _day_of(after.order_by("started", "id")),
        "backups": found.defer("contents").filter(started__gte=day.start, started__lt=day.end)[:LISTED],
    }


def _day_of(found: BackupQuerySet) -> date | None:
    """Return the day of the first of the backups."""
    started = found.values_list("started", flat=True).first()
    return times.local(started).date() if started else None


def _weeks(days: Sequence[Day], counts: Sequence[int], chosen: date) -> list[list[Cell | None]]:
    """Return the days in weeks from Monday to Sunday, with None for days of other months."""
    cells = [Cell(day.date, count, day.date == chosen) for day, count in zip(days, counts, strict=True)]
    padded: list[Cell | None] = [*[None] * days[0].date.weekday(), *cells]
    padded += [None] * (-len(padded) % WEEK)
    return [padded[start : start + WEEK] for start in range(0, len(padded), WEEK)]
