"""A link that opens a dialog. Python code chooses the operations of each row: see console.web.operations."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from console.accounts.roles import Permission
from console.web.operations import Operation, button

register = template.Library()


@register.simple_tag(takes_context=True)
def dialog_link(
    context: Any,
    label: str,
    url: str,
    *,
    look: str,
    id: str = "",
    needs: str = "",
    refusal: str = "",
    shortcut: str = "",
) -> SafeString:
    """Render a link that opens its page in a dialog. `needs` is a Permission's value, `look` the link's class."""
    permission = Permission(needs) if needs else None
    return button(Operation(id, label, url, permission, refusal, shortcut=shortcut), context.get("user"), look)
