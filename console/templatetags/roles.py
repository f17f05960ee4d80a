"""Tags for roles: templates disable the actions that the user's role does not allow, and say why."""

from typing import Any

from django import template

from console.accounts import roles
from console.accounts.roles import Permission

register = template.Library()


@register.simple_tag(takes_context=True)
def refusal(context: dict[str, Any], needs: str, reason: str = "") -> str:
    """Return why the user is refused: by role, else `reason`. `needs` is a Permission's value, or "" for none."""
    return (needs and roles.refusal(context["user"], Permission(needs))) or reason


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], needs: str) -> bool:
    return not roles.refusal(context["user"], Permission(needs))


@register.simple_tag(takes_context=True)
def role_names(context: dict[str, Any]) -> str:
    """Return the names of the user's roles, for the user menu."""
    return ", ".join(str(role.label) for role in roles.roles_of(context["user"]))
