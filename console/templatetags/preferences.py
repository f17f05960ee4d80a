"""Tags for what the user has chosen in the menu: theme and time zone."""

from typing import Any

from django import template
from django.contrib.auth.models import AnonymousUser

from console.accounts.models import Theme
from console.accounts.preferences import preferences_of

register = template.Library()


@register.simple_tag(takes_context=True)
def forced_theme(context: dict[str, Any]) -> str:
    """Return "light" or "dark" if the user has chosen one, "" to follow the system."""
    chosen = preferences_of(context.get("user") or AnonymousUser()).theme
    return "" if chosen == Theme.SYSTEM else chosen


@register.simple_tag(takes_context=True)
def theme_choices(context: dict[str, Any]) -> list[tuple[Theme, bool]]:
    """Return each theme and whether it is the user's."""
    chosen = preferences_of(context["user"]).theme
    return [(theme, theme == chosen) for theme in Theme]


@register.simple_tag(takes_context=True)
def chosen_time_zone(context: dict[str, Any]) -> str:
    """Return the name of the zone that the user has chosen; "" for the browser's."""
    return preferences_of(context["user"]).time_zone
