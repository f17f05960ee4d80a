"""Template tags and filters for backups."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from backups.models import Backup, Policy
from backups.operations import operations
from backups.policy.preview import with_local_hours
from console.text import clocks
from console.web.operations import button, more_menu

register = template.Library()


@register.simple_tag(takes_context=True)
def backup_operations(context: dict[str, Any], backup: Backup, look: str) -> SafeString:
    """Render the backup's operations for the user: a button, then More. `look` is the CSS class of both."""
    user = context.get("user")
    first, more = operations(backup)
    return button(first, user, look) + more_menu(more, user, look, row=backup.id)


@register.simple_tag
def weekdays(policy: Policy) -> str:
    """Return the days on which the policy makes backups, as text."""
    if policy.every_day:
        return _("every day")
    return pgettext("between items of a list", ", ").join(str(day.label) for day in policy.days)


@register.simple_tag
def window(policy: Policy) -> str:
    """Return the policy's window in UTC and, if that differs, in the viewer's time zone."""
    return with_local_hours(f"{policy.window} UTC", policy.start_hour)


@register.filter
def per_second(size: int, span: timedelta) -> str:
    """Format a number of bytes in a span of time as a speed."""
    return _("%s/s") % filesizeformat(size / max(span.total_seconds(), 0.001))


@register.filter
def ago(when: datetime) -> str:
    """Format the time since `when` for a sentence: "just now", "3 hours ago"."""
    if clocks.is_ahead(when, timezone.now()):
        return _("at an unknown time, because a clock was wrong")
    if (timezone.now() - when).total_seconds() < 60:
        return _("just now")
    return _("%s ago") % timesince(when, depth=1)
