"""Tags for times: in the viewer's time zone; in UTC on hover and focus, and for screen readers."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.text import clocks, times

register = template.Library()

_MOMENT = re.compile(r"(.*\d\d:\d\d)(:\d\d)( UTC.*)")


@register.simple_tag
def time_zone_cookie() -> str:
    """Return the name of the cookie in which the script stores the name of the browser's time zone."""
    return str(settings.TIME_ZONE_COOKIE_NAME)


@register.simple_tag
def moment(when: datetime | None) -> SafeString:
    """Render a time to the second, with its zone; a dash for None."""
    return _rendered(when, times.moment) if when else SafeString("–")  # noqa: RUF001


def _rendered(when: datetime, write: Callable[[datetime], str]) -> SafeString:
    local = times.local(when)
    text = write(local)
    written = _with_parts_to_hide(text, str(local.year) if local.year == times.local(timezone.now()).year else "")
    return _marked_up(when, written, "" if not local.utcoffset() else times.moment(when.astimezone(UTC)))


@register.simple_tag
def span(start: datetime | None, end: datetime | None) -> SafeString:
    """Render a start and an end in two lines, the end without its day if it is the same; a dash without a start."""
    first = moment(start)
    if end:
        same_day = start is not None and times.local(start).date() == times.local(end).date()
        last = _rendered(end, times.time_of_day if same_day else times.moment)
        first = format_html('{}<span class="secondary">– {}</span>', first, last)  # noqa: RUF001
    return first + clock_warning(start, end)


@register.simple_tag
def moment_and_age(when: datetime | None) -> SafeString:
    """Render the time of an event, and an element in which the page's script shows its age; a dash for None."""
    if not when:
        return SafeString("–")  # noqa: RUF001
    return format_html("{} {}", moment(when), age(when))


@register.simple_tag
def age(when: datetime) -> SafeString:
    """Render an element in which the page's script shows how long ago an event was."""
    element = format_html('<time class="secondary" datetime="{}" data-relative></time>', times.local(when).isoformat())
    return clock_warning(when) or element


@register.simple_tag
def clock_warning(*events: datetime | None) -> SafeString:
    """Render a warning if an event that has happened has a time in the future; else nothing."""
    now = timezone.now()
    if not any(when and clocks.is_ahead(when, now) for when in events):
        return SafeString("")
    return format_html('<span class="tag" data-tone="warn">{}</span>', _("in the future: a clock was wrong"))


@register.simple_tag
def day(when: datetime) -> SafeString:
    """Render the day of a time."""
    return _marked_up(when, times.day(times.local(when)), times.moment(when.astimezone(UTC)))


def _marked_up(when: datetime, text: str, in_utc: str) -> SafeString:
    """Return the text in a <time> element. `in_utc` is shown on hover and focus; "" if it would be the same."""
    iso = when.astimezone(UTC).isoformat()
    if not in_utc:
        return format_html('<time datetime="{}">{}</time>', iso, text)
    return format_html(
        '<time datetime="{}" class="moment" tabindex="0" data-utc="{utc}" aria-description="{utc}">{}</time>',
        iso,
        text,
        utc=in_utc,
    )


def _with_parts_to_hide(text: str, year: str) -> str:
    """Mark up what narrow lists hide of a time: the seconds, the zone, and `year` unless it is ""."""
    parts = _MOMENT.fullmatch(text)
    if not parts:
        return text
    before, seconds, zone = parts.groups()
    if year and year in before:
        # With the comma before it in English, and the word after it in Chinese.
        day, dated, rest = re.split(rf"((?:, )?{year}年?)", before, maxsplit=1)
        before = format_html('{}<span class="year">{}</span>{}', day, dated, rest)
    return format_html('{}<span class="exact">{}</span><span class="zone">{}</span>', before, seconds, zone)
