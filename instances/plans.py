"""The next automated backup of each instance in a list. `backups` answers: see signals.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from instances.models import Instance
from instances.signals import backups_planned


@dataclass(frozen=True)
class PlannedBackup:
    """When the next automated backup of an instance starts. `at` is None if automated backups are off.

    `is_due`: the time has come, and the backup waits until the instance is Available.
    """

    at: datetime | None
    is_due: bool = False

    @property
    def is_off(self) -> bool:
        return self.at is None


def plan(instances: Sequence[Instance]) -> None:
    """Set `next_backup` of each instance; None for one that will have no automated backup."""
    plans: dict[str, PlannedBackup]
    for _receiver, plans in backups_planned.send(Instance, instances=instances):  # type: ignore[assignment]
        for instance in instances:
            instance.next_backup = plans.get(instance.pk)
