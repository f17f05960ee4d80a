"""Times as people read and type them: in the viewer's time zone and language, with the zone's offset from UTC."""

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

_known = cache(available_timezones)


def zone_named(name: str) -> tzinfo:
    """Return the zone of this name from the tz database, or UTC if there is none."""
    # ZoneInfo() would read some names as paths.
    return ZoneInfo(name) if is_zone(name) else UTC


def is_zone(name: str) -> bool:
    """Return whether the tz database has a zone of this name."""
    return name in _known()


def offered_zones() -> list[str]:
    """Return the zones that people may choose: UTC, and those named after a place."""
    return [
        "UTC",
        *sorted(name for name in _known() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/"))),
    ]


def moment(when: datetime) -> str:
    """Return the time in the zone of `when`, such as "Nov 22, 2026 09:14:03 UTC+1"."""
    written = date_format(when, pgettext("date format", "M j, Y H:i:s"), use_l10n=False)
    return f"{written} {_zone_at(when)}"


def minute(when: datetime) -> str:
    """Return the time in the zone of `when` to the minute, such as "Nov 22, 2026 09:14 UTC+1"."""
    return f"{day(when)} {when:%H:%M} {_zone_at(when)}"


def hours(start: datetime, end: datetime) -> str:
    """Return the hours of a day in the zone of `start`, such as "09:00-10:00 UTC+1"."""
    return f"{start:%H:%M}-{end:%H:%M} {_zone_at(start)}"


def time_of_day(when: datetime) -> str:
    """Return the time in the zone of `when` without its day, such as "09:14:03 UTC+1"."""
    return f"{when:%H:%M:%S} {_zone_at(when)}"


def day(when: date) -> str:
    """Return the day, such as "Nov 22, 2026". The day of a time is the one in its own zone."""
    return date_format(when, pgettext("date format", "M j, Y"), use_l10n=False)


def month(when: date) -> str:
    """Return the month, such as "November 2026"."""
    return date_format(when, pgettext("date format", "F Y"), use_l10n=False)


def local(when: datetime) -> datetime:
    """Return the time in the viewer's time zone."""
    return timezone.localtime(when)


def resolve(typed: datetime, zone: tzinfo, *, last: bool = False) -> datetime:
    """Return the moment, in UTC, at which the clocks of the zone show the time `typed`, which has no zone.

    If clocks show it twice, return the first moment, or the second with `last`. If clocks skip it, return the moment of
    the skip, after which they show the next time that exists. Raises OverflowError near the years 1 and 9999.
    """
    first, second = (typed.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return second if last else first
    # In a skipped hour, fold 0 counts from the clock before the skip and fold 1 from the clock after it (PEP 495).
    start, skipped = second.replace(microsecond=0), int((first - second).total_seconds())

    def has_skipped(seconds: int) -> bool:
        moment = start + timedelta(seconds=seconds)
        return moment.astimezone(zone).utcoffset() == first.astimezone(zone).utcoffset()

    return start + timedelta(seconds=bisect_left(range(skipped), True, key=has_skipped))


def _zone_at(when: datetime) -> str:
    """Return the offset from UTC. Short names of zones are ambiguous: CST is used in China and in Chicago."""
    offset = when.utcoffset() or timedelta()
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "") if hours or minutes else "UTC"


def _labelled(label: str) -> str:
    # Use the full name, because a short one changes between summer and winter.
    return label % {"zone": timezone.get_current_timezone_name()}


FROM = lazy(lambda: _labelled(_("From (%(zone)s)")), str)()
TO = lazy(lambda: _labelled(_("To (%(zone)s)")), str)()
