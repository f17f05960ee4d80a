"""The model of the test hooks' current state."""

from django.db import models


class HookState(models.Model):
    """The changes that tests have requested: one row, or none. Only code in console.testing uses this model."""

    ONLY = 1

    bytes_per_second = models.PositiveIntegerField(default=0)
    fail_at = models.PositiveSmallIntegerField(default=0)
    clock_seconds = models.IntegerField(default=0)
    # By instance id: the state and the action from before a test set the instance's status.
    held = models.JSONField(default=dict)

    def __str__(self) -> str:
        return "test hooks"
