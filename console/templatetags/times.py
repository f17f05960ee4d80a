"""Moments in pages: in the viewer's time zone; in UTC when hovered or focused, and for screen readers."""

import re
from datetime import UTC, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console.text import times

register = template.Library()

_MOMENT = re.compile(r"(.+\d\d:\d\d)(:\d\d)( UTC.*)")


@register.simple_tag
def moment(when: datetime) -> SafeString:
    return _marked_up(when, times.moment(times.local(when)))


@register.simple_tag
def day(when: datetime) -> SafeString:
    return _marked_up(when, times.day(times.local(when)))


def _marked_up(when: datetime, text: str) -> SafeString:
    utc = when.astimezone(UTC)
    shown = _with_parts_to_hide(text)
    if times.moment(utc) == text:
        return format_html('<time datetime="{}">{}</time>', utc.isoformat(), shown)
    return format_html(
        '<time datetime="{}" class="moment" tabindex="0" data-utc="{utc}" aria-description="{utc}">{}</time>',
        utc.isoformat(),
        shown,
        utc=times.moment(utc),
    )


def _with_parts_to_hide(text: str) -> str:
    """Mark up the seconds and the zone of a moment: narrow lists hide them."""
    parts = _MOMENT.fullmatch(text)
    if not parts:
        return text
    return format_html('{}<span class="exact">{}</span><span class="zone">{}</span>', *parts.groups())
