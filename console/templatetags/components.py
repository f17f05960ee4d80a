"""Tags for the small parts that a list contains hundreds of times: icons, badges, ids, reasons."""

from functools import cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.text.visible import visible
from console.web.judging import rules_of

register = template.Library()
register.filter("visible", visible, is_safe=True)
register.filter("rules", rules_of)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """Render one icon of static/icons.svg."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', static("icons.svg"), name)


@register.simple_tag
def badge(status: Any) -> SafeString:
    """Render a status as a badge, always with text. Nothing else maps a status to a colour."""
    return format_html('<span class="badge" data-tone="{}">{}</span>', status.tone, status.label)


@register.simple_tag
def copy_button(text: str, label: str, *, focused: bool = False) -> SafeString:
    """Render a button that copies the text, which `label` names. If `focused`, it takes the focus when it appears."""
    return format_html(
        '<button type="button" class="copy" data-copy="{}" aria-label="{}"{}>{}{}</button>',
        text,
        label,
        SafeString(" autofocus" if focused else ""),
        icon("copy"),
        icon("check"),
    )


@register.simple_tag
def copyable_id(id: object) -> SafeString:
    """Render an id under a name, with a copy button: truncated if too long, whole on hover."""
    return format_html(_ID, _copyable(str(id), _("Copy ID")))


@register.simple_tag
def copyable_address(address: str) -> SafeString | str:
    """Render a network address with a copy button; a dash if there is none."""
    return format_html(_ADDRESS, _copyable(address, _("Copy address"))) if address else "–"  # noqa: RUF001


@register.simple_tag
def failure(reason: str) -> SafeString:
    """Render the reason of a failure under its badge: truncated in a table, whole on hover and focus."""
    if not reason:
        return SafeString("")
    return format_html('<div class="cut failure secondary" tabindex="0"><span>{}</span></div>', reason)


@register.simple_tag
def cut_link(url: str, text: object) -> SafeString:
    """Render a link in a cell: truncated, whole on hover. Without a URL the text itself takes the focus."""
    if url:
        return format_html('<span class="cut"><a href="{}">{}</a></span>', url, text)
    return format_html('<span class="cut" tabindex="0"><span>{}</span></span>', text)


@register.simple_tag
def swaps(url: str, target: str, show: str = "") -> SafeString:
    """Render the attributes of a link to `url` that, with JavaScript, swaps the list with the id `target`."""
    return format_html(
        'href="{url}" hx-get="{url}" hx-target="#{target}" hx-swap="morph:outerHTML{show}" hx-sync="#{target}:replace"'
        ' hx-push-url="true"',
        url=url,
        target=target,
        show=f" {show}" if show else "",
    )


_ID = '<div class="id">{}</div>'
_ADDRESS = '<div class="id address">{}</div>'


def _copyable(text: str, label: str) -> SafeString:
    return format_html('<span class="cut"><code>{}</code></span>{}', text, copy_button(text, label))
