"""Times as people read them: in the viewer's time zone and language, with the zone's distance from UTC."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

# What the script writes the name of the browser's time zone into.
COOKIE = "time_zone"

_known = cache(available_timezones)


def zone_named(name: str) -> tzinfo:
    """The zone of the tz database; UTC if there is none of this name."""
    # Looked up in the list, so that no name is a path.
    return ZoneInfo(name) if name in _known() else UTC


def moment(when: datetime) -> str:
    """Such as Nov 22, 2026 09:14:03 UTC+1: in the zone that `when` is in."""
    written = date_format(when, pgettext("date format", "M j, Y H:i:s"), use_l10n=False)
    return f"{written} {_zone_at(when)}"


def day(when: date) -> str:
    """Such as Nov 22, 2026: the day, of a moment that in the zone it is in."""
    return date_format(when, pgettext("date format", "M j, Y"), use_l10n=False)


def local(when: datetime) -> datetime:
    """In the viewer's time zone."""
    return timezone.localtime(when)


def _zone_at(when: datetime) -> str:
    """Its distance from UTC: short names of zones are not told apart, CST is China's and Chicago's."""
    offset = when.utcoffset() or timedelta()
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta() else "+"
    return f"UTC{sign}{hours}" + (f":{minutes:02}" if minutes else "") if hours or minutes else "UTC"


def _labelled(label: str) -> str:
    # By its whole name: a short one is that of summer or of winter.
    return label % {"zone": timezone.get_current_timezone_name()}


FROM = lazy(lambda: _labelled(_("From (%(zone)s)")), str)()
TO = lazy(lambda: _labelled(_("To (%(zone)s)")), str)()
