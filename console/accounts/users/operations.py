"""The operations on a user: the visible button and the More menu."""

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts import refusals
from console.accounts.roles import Permission
from console.web.operations import Operation


def operations(account: User, by: User, sessions: int) -> tuple[Operation, list[Operation]]:
    """Return Change Role as the button, and the operations of the menu, as `by` may use them."""
    manage = Permission.MANAGE_USERS

    def operation(name: str, label: str, refusal: str = "", *, danger: bool = False) -> Operation:
        url = reverse(f"user-{name}", args=[account.pk])
        return Operation(f"{name}-{account.pk}", label, url, manage, refusal, danger=danger)

    menu = [
        operation("reset-password", _("Reset Password"), refusals.password_reset(account, by)),
        operation("end-sessions", _("End Sessions"), refusals.ending_sessions(account, by, sessions)),
    ]
    if account.is_active:
        menu.append(operation("deactivate", _("Deactivate"), refusals.deactivation(account, by), danger=True))
    else:
        menu.append(operation("activate", _("Activate")))
    return operation("role", _("Change Role")), menu
