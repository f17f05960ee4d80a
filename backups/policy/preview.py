"""Compute what a backup policy would do, for the dialog that changes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import F

from backups.models import Backup, Policy
from backups.policy import clock, schedule
from backups.policy.schedule import Schedule
from console.text import times

RUNS = 3


@dataclass(frozen=True)
class Preview:
    """A policy's next windows; `kept` is the number of backups that it keeps, and `size` the bytes of the newest one.

    `starts_now` means that saving the policy starts a backup, unless `waits_for_instance`. `size` is None if unknown.
    """

    enabled: bool
    starts_now: bool
    waits_for_instance: bool
    runs: list[datetime]
    kept: int
    size: int | None

    @property
    def run_texts(self) -> list[tuple[str, str]]:
        """Each run in the viewer's time zone, and in UTC if that differs."""
        return [(times.minute(times.local(run)), _in_utc(run)) for run in self.runs]

    @property
    def space(self) -> int | None:
        return None if self.size is None else self.kept * self.size


def preview(policy: Policy, values: Mapping[str, Any]) -> Preview:
    """Return what the policy would do with the values that set_policy() takes."""
    now = clock.now()
    wanted = Schedule(values["start_hour"], frozenset(values["weekdays"]))
    kept_window = policy.enabled and wanted == policy.schedule
    first = max(policy.next_run, now) if kept_window else now
    return Preview(
        enabled=values["enabled"],
        starts_now=values["enabled"] and not policy.enabled,
        waits_for_instance=bool(policy.instance.backup_refusal),
        runs=schedule.windows(wanted, first, RUNS),
        kept=schedule.kept_at_most(wanted, values["keep_days"]),
        size=_newest_size(policy.instance_id),
    )


def with_local_hours(window: str, hour: int) -> str:
    """Append to a text about the window from this UTC hour what the viewer's clocks show then, if that differs."""
    start = times.local(clock.now().astimezone(UTC).replace(hour=hour, minute=0))
    return f"{window} ({times.hours(start, start + schedule.WINDOW)})" if start.utcoffset() else window


def _in_utc(moment: datetime) -> str:
    return times.minute(moment.astimezone(UTC)) if times.local(moment).utcoffset() else ""


def _newest_size(instance_id: str) -> int | None:
    complete = Backup.objects.whole().filter(instance_uid=instance_id, imported__isnull=True)
    return complete.best_first().values_list(F("size"), flat=True).first()
