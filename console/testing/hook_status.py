"""The test hook that sets the status of an instance. See hook_state for the other hooks and their rules."""

from django.contrib.auth.models import User
from django.db import transaction

from console.accounts.roles import Permission
from console.audit.audited import audited
from console.testing.models import HookState
from console.text.messages import Message
from console.text.refused import Refused
from instances.choices import Action, State, Status
from instances.models import Instance


@audited("testSetStatus", needs=Permission.MANAGE_USERS, resource="instance")
def set_status(*, instance: Instance, status: Status, requested_by: User | None) -> None:
    """Set the instance's status until it is set again; Available restores the original status.

    Pages, buttons and services treat it as the real status. The server keeps running. Raises Refused while an operation
    runs on the instance.
    """
    with transaction.atomic():
        row, _made = HookState.objects.select_for_update().get_or_create(pk=HookState.ONLY)
        current = Instance.objects.filter(pk=instance.pk)
        before = row.held.pop(instance.pk, None)
        if status is Status.AVAILABLE:
            if before:
                current.update(state=before[0], action=before[1], failure="")
        else:
            free = current if before else current.idle()
            was = before or list(current.values_list("state", "action").get())
            of_state = status.code in State.values
            if not free.update(
                state=State(status.code) if of_state else State.AVAILABLE,
                action=Action.NONE if of_state else Action(status.code),
                failure=Message("test.status_held") if of_state else "",
            ):
                raise Refused(instance.delete_refusal)
            row.held[instance.pk] = was
        row.save(update_fields=["held"])


@audited("testClearHooks", needs=Permission.MANAGE_USERS, resource="hook")
def clear(*, requested_by: User | None) -> None:
    """Undo all hooks: reset the clock, and restore the status of every instance."""
    with transaction.atomic():
        row = HookState.objects.select_for_update().first()
        for instance in Instance.objects.filter(pk__in=row.held if row else ()):
            set_status(instance=instance, status=Status.AVAILABLE, requested_by=requested_by)
        HookState.objects.all().delete()
