"""Moments in pages: in the viewer's time zone; in UTC when hovered or focused, and for screen readers."""

from datetime import UTC, datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from console import times

register = template.Library()


@register.simple_tag
def moment(when: datetime) -> SafeString:
    return _marked_up(when, times.moment(times.local(when)))


@register.simple_tag
def day(when: datetime) -> SafeString:
    return _marked_up(when, times.day(times.local(when)))


def _marked_up(when: datetime, text: str) -> SafeString:
    utc = when.astimezone(UTC)
    if times.moment(utc) == text:
        return format_html('<time datetime="{}">{}</time>', utc.isoformat(), text)
    return format_html(
        '<time datetime="{}" class="moment" tabindex="0" data-utc="{utc}" aria-description="{utc}">{}</time>',
        utc.isoformat(),
        text,
        utc=times.moment(utc),
    )
