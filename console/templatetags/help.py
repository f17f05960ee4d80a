"""The tag for the help of a page, whose text is in templates/help/ under the name of the page's URL."""

from typing import Any

from django import template
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True, name="help")
def help_button(context: dict[str, Any]) -> SafeString:
    """Render the button beside the heading that opens the page's help; nothing if the page has none."""
    match = getattr(context.get("request"), "resolver_match", None)
    if not match:
        return SafeString("")
    try:
        text = render_to_string(f"help/{match.view_name.replace(':', '-')}.html")
    except TemplateDoesNotExist:
        return SafeString("")
    return render_to_string("components/_help.html", {"text": text})
