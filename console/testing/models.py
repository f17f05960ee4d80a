"""HookState: what the test hooks change at the moment."""

from django.db import models


class HookState(models.Model):
    """What tests have asked for: one row, or none. Written and read by console.testing.hook_state alone."""

    ONLY = 1

    bytes_per_second = models.PositiveIntegerField(default=0)
    fail_at = models.PositiveSmallIntegerField(default=0)
    clock_seconds = models.IntegerField(default=0)
    # Instances whose status is held, by id, each with the state and the action that it had before.
    held = models.JSONField(default=dict)

    def __str__(self) -> str:
        return "test hooks"
