"""Filters that format lengths of time."""

import math
from datetime import timedelta

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def duration(length: timedelta | float | None) -> str:
    """Format a timedelta or seconds in readable units: 12 ms, 3.4 s, 4 min 10 s, 2 h 3 min; a dash for None."""
    if length is None:
        return "–"  # noqa: RUF001
    seconds = max(length.total_seconds() if isinstance(length, timedelta) else length, 0.0)
    if seconds < 1:
        return _("%s ms") % number_format(seconds * 1000, decimal_pos=1 if 0 < seconds < 0.01 else 0)
    if seconds < 10:
        return _("%s s") % number_format(seconds, decimal_pos=1)
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return _("%d s") % rest
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}


@register.filter
def about(seconds: float) -> str:
    """Return an estimated time, rounded up to a plausible precision: 5 s, 35 s, 4 min, 1 h 20 min."""
    if seconds <= 55:
        return _("%d s") % (max(1, math.ceil(seconds / 5)) * 5)
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return _("%d min") % minutes
    hours, minutes = divmod(math.ceil(minutes / 10) * 10, 60)
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
