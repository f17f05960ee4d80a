"""Operations as people see them: a button's label, its link, and the reason if it is disabled."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.accounts import roles
from console.accounts.roles import Permission
from console.templatetags.components import icon

DIALOG = "#dialog-content"


@dataclass(frozen=True)
class Operation:
    """One button, or one row of a More menu.

    `refusal` says why the operation is not possible now; "" if it is. `target` is the element that the answer replaces,
    by default the dialog's content; "" makes an ordinary link.
    """

    id: str
    label: str
    url: str
    needs: Permission | None = None
    refusal: str = ""
    target: str = DIALOG
    danger: bool = False
    shortcut: str = ""

    def why_not(self, user: Any) -> str:
        """Return why the operation is disabled for the user: by role, else `refusal`; "" if it is not."""
        return roles.refusal(user, self.needs) or self.refusal


def button(operation: Operation, user: Any, look: str) -> SafeString:
    """Render a link that opens the dialog, or a focusable disabled button that says why not. `look` is its class."""
    shortcut = format_html(' data-shortcut="{}"', operation.shortcut) if operation.shortcut else ""
    id = format_html(' id="{}"', operation.id) if operation.id else ""
    if why := operation.why_not(user):
        return format_html(
            '<span class="tip-host"><button type="button" class="{}" id="{id}"{} aria-disabled="true"'
            ' aria-describedby="{id}-why">{}</button>'
            '<span class="tip" role="tooltip" id="{id}-why">{}</span></span>',
            look,
            shortcut,
            operation.label,
            why,
            id=operation.id,
        )
    return format_html(
        '<a class="{}"{} href="{url}" hx-get="{url}" hx-target="{}" hx-swap="innerHTML" aria-haspopup="dialog"{}>'
        "{}</a>",
        look,
        id,
        operation.target,
        shortcut,
        operation.label,
        url=operation.url,
    )


def more_menu(operations: Sequence[Operation], user: Any, look: str, *, row: str) -> SafeString:
    """Render the More button and its menu, in which disabled operations say why; nothing if there are no operations.

    `row` is the id of the row that the operations act on.
    """
    if not operations:
        return SafeString("")
    return format_html(
        '<button type="button" class="{look}" id="more-{row}" popovertarget="menu-{row}" aria-haspopup="menu"'
        ' aria-label="{more}"><span class="word">{more}</span>{icon}</button>'
        '<div id="menu-{row}" class="menu" popover role="menu" aria-labelledby="more-{row}">{items}</div>',
        look=look,
        row=row,
        more=_("More"),
        icon=icon("down"),
        items=SafeString("".join(_items([(each, each.why_not(user)) for each in operations], row))),
    )


def _items(operations: Sequence[tuple[Operation, str]], row: str) -> Iterator[str]:
    """Yield the rows of a menu. A reason that several rows share stands once, above the first of them."""
    reasons = Counter(why for _operation, why in operations)
    shared = [why for why, rows in reasons.items() if why and rows > 1]
    said = set()
    for operation, why in operations:
        if why not in shared:
            yield _item(operation, why)
            continue
        note = f"why-{shared.index(why)}-{row}"
        if why not in said:
            said.add(why)
            yield format_html('<p class="menu-note" role="none" id="{}">{}</p>', note, why)
        yield format_html(
            '<button type="button" role="menuitem" id="{}" aria-disabled="true" tabindex="-1" aria-describedby="{}">'
            "{}</button>",
            operation.id,
            note,
            operation.label,
        )


def _item(operation: Operation, why: str) -> SafeString:
    if why:
        return format_html(
            '<button type="button" role="menuitem" id="{}" aria-disabled="true" tabindex="-1">{}'
            "<small>{}</small></button>",
            operation.id,
            operation.label,
            why,
        )
    look = SafeString(' class="danger"') if operation.danger else ""
    if not operation.target:
        plain = '<a role="menuitem"{} id="{}" href="{}">{}</a>'
        return format_html(plain, look, operation.id, operation.url, operation.label)
    return format_html(
        '<a role="menuitem"{} id="{}" href="{url}" hx-get="{url}" hx-target="{}" hx-swap="{}">{}</a>',
        look,
        operation.id,
        operation.target,
        "innerHTML" if operation.target == DIALOG else "outerHTML",
        operation.label,
        url=operation.url,
    )
