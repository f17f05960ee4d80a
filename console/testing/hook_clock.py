"""The test hook that moves the automated backups' clock (kept in hook_state) to the next window."""

from math import ceil

from django.contrib.auth.models import User

from backups.models import Policy
from console.testing import hook_state as hooks
from console.text.messages import Message
from console.text.refused import Refused
from instances.models import Instance


def move_to_next_window(*, instance: Instance, requested_by: User | None) -> None:
    """Move the automated backups' clock to the start of the instance's next window, at any hour.

    If a window is already due, the clock does not move. Raises Refused if the instance's policy is off.
    """
    policy = Policy.of(instance)
    if not policy.enabled:
        raise Refused(Message("test.policy_off"))
    ahead = ceil((policy.next_run - hooks.now()).total_seconds())
    hooks.move_clock(seconds=max(0, ahead), requested_by=requested_by)
