"""Roles in templates: what may not be done is shown disabled and says why."""

from typing import Any

from django import template

from console.accounts import roles
from console.accounts.roles import Permission

register = template.Library()


@register.simple_tag(takes_context=True)
def refusal(context: dict[str, Any], needs: str, reason: str = "") -> str:
    """Why the user may not: by role, else the given reason. `needs` is a Permission's value, or empty for none."""
    return (needs and roles.refusal(context["user"], Permission(needs))) or reason


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], needs: str) -> bool:
    return not roles.refusal(context["user"], Permission(needs))


@register.simple_tag(takes_context=True)
def role_names(context: dict[str, Any]) -> str:
    """The user's roles, for the user's own menu."""
    return ", ".join(str(role.label) for role in roles.roles_of(context["user"]))
