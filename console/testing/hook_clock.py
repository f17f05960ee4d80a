"""The test hook that moves the clock of the automated backups, which hook_state has, to the next window."""

from math import ceil

from django.contrib.auth.models import User

from backups.models import Policy
from console.testing import hook_state as hooks
from console.text.messages import Message
from console.text.refused import Refused
from instances.models import Instance


def move_to_next_window(*, instance: Instance, requested_by: User | None) -> None:
    """Move the clock of the automated backups to the start of the instance's next window, whatever the hour is.

    The clock stays where it is if a window is due already. Raises Refused if the instance's policy is off.
    """
    policy = Policy.of(instance)
    if not policy.enabled:
        raise Refused(Message("test.policy_off"))
    ahead = ceil((policy.next_run - hooks.now()).total_seconds())
    hooks.move_clock(seconds=max(0, ahead), requested_by=requested_by)
