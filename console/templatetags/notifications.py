"""Tags for the bell in the bar of every page, and for the operations on channels."""

from typing import Any

from django import template
from django.contrib.auth.models import User
from django.utils.safestring import SafeString

from console.accounts import roles
from console.accounts.roles import Permission
from console.notifications.bell import Bell, bell_of
from console.notifications.models import Channel
from console.notifications.operations import operations
from console.web.operations import button, more_menu

register = template.Library()


@register.simple_tag(takes_context=True)
def bell(context: dict[str, Any]) -> Bell | None:
    """Return the user's bell; None if the user has no permission to view."""
    user = context.get("user")
    if not isinstance(user, User) or roles.refusal(user, Permission.VIEW):
        return None
    return bell_of(user)


@register.simple_tag(takes_context=True)
def channel_operations(context: dict[str, Any], channel: Channel, look: str) -> SafeString:
    """Render the user's operations on the channel: a button and the More menu. `look` is the CSS class of both."""
    user = context.get("user")
    first, more = operations(channel)
    return button(first, user, look) + more_menu(more, user, look, row=channel.pk)
