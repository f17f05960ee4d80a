"""The operations on a channel: the visible button and the More menu."""

from django.urls import reverse
from django.utils.translation import gettext as _

from console.accounts.roles import Permission
from console.notifications.models import Channel
from console.web.operations import Operation


def operations(channel: Channel) -> tuple[Operation, list[Operation]]:
    """Return Send Test as the button, and the rest in the menu's order."""
    needs = Permission.MANAGE_CHANNELS

    def url(name: str) -> str:
        return reverse(f"notifications:{name}", args=[channel.pk])

    return Operation(f"test-{channel.pk}", _("Send Test"), url("test"), needs), [
        Operation(f"edit-{channel.pk}", _("Edit"), url("edit"), needs),
        Operation(f"delete-{channel.pk}", _("Delete"), url("delete"), needs, danger=True),
    ]
