"""Template tags for instances and for the work in progress."""

from typing import Any

from django import template
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from console.accounts import roles
from console.accounts.roles import Permission
from console.web.operations import button, more_menu
from instances.activity import Activity, Notified, activity_of
from instances.models import Instance
from instances.operations import operations
from instances.signals import deletion_explained

register = template.Library()


@register.simple_tag(takes_context=True)
def instance_operations(context: dict[str, Any], instance: Instance, look: str) -> SafeString:
    """Render the user's operations on the instance: a button and the More menu. `look` is the CSS class of both."""
    user = context.get("user")
    first, more = operations(instance)
    return button(first, user, look) + more_menu(more, user, look, row=instance.id)


@register.simple_tag(takes_context=True)
def instance_menu(context: dict[str, Any], instance: Instance, look: str) -> SafeString:
    """Render the More menu beside a Create Backup button of its own, so without that entry."""
    _first, (_create_backup, *more) = operations(instance)
    return more_menu(more, context.get("user"), look, row=instance.id)


@register.simple_tag
def deletion_of_the_rest(instance: Instance) -> SafeString:
    """Return what the deletion of the instance deletes and keeps besides the instance, as HTML."""
    answers = deletion_explained.send(Instance, instance=instance)
    return format_html_join("", "{}", ((html,) for _receiver, html in answers))


@register.simple_tag(takes_context=True)
def activity(context: dict[str, Any]) -> Activity | None:
    """Return the activity that every page shows; None if the user has no permission to view."""
    user = context.get("user")
    if not isinstance(user, User) or roles.refusal(user, Permission.VIEW):
        return None
    return activity_of(user, timezone.now())


@register.simple_tag
def cursor_now() -> str:
    """Return the cursor of a browser that has not been notified of anything yet."""
    return str(Notified(timezone.now()))
