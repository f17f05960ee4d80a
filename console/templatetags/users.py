"""Tags for the rows of Users."""

from typing import Any

from django import template
from django.contrib.auth.models import User
from django.utils.safestring import SafeString

from console.accounts.users import lists
from console.accounts.users.choices import UserStatus
from console.accounts.users.operations import operations
from console.web.operations import button, more_menu

register = template.Library()


@register.filter
def role_label(account: User) -> str:
    """Return the names of the user's roles, or "" if there are none."""
    return lists.role_label(account)


@register.filter
def user_status(account: User) -> UserStatus:
    return UserStatus.of(account)


@register.simple_tag(takes_context=True)
def user_operations(context: dict[str, Any], account: Any) -> SafeString:
    """Render the viewer's operations on the user: a button and the More menu."""
    viewer = context["user"]
    first, more = operations(account, viewer, account.session_count)
    return button(first, viewer, "text-button") + more_menu(more, viewer, "text-button", row=f"user-{account.pk}")
