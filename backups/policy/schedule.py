"""Compute when automated backups run and expire: pure functions of aware UTC times.

A window is one hour of a UTC day, on the weekdays of its schedule, identified by its start. Each window gets one
backup: during the window or, if the agent missed it, later on the same day.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WINDOW = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Schedule:
    """`hour` is the UTC hour that the window starts with, 0 to 23; `weekdays` are ISO numbers, never empty."""

    hour: int
    weekdays: frozenset[int]


def first_window(schedule: Schedule, at: datetime) -> datetime:
    """Return the start of the first window that starts at this moment or later."""
    start = _day(at) + schedule.hour * WINDOW
    if start < at:
        start += DAY
    while start.isoweekday() not in schedule.weekdays:
        start += DAY
    return start


def window_to_serve(schedule: Schedule, pending: datetime, now: datetime) -> datetime:
    """Return the window that gets the next backup: `pending`, which has had none yet, unless its day is over.

    If that day is over, skip to the next window. The returned window is due if it is not after `now`. A clock that was
    ahead leaves a pending window later than the one after the next: then return the next.
    """
    if pending > first_window(schedule, now + WINDOW):
        return first_window(schedule, now)
    if pending >= _day(now):
        return pending
    return first_window(schedule, _day(now))


def window_after(schedule: Schedule, served: datetime, now: datetime) -> datetime:
    """Return the window that is pending once the window `served` has had its backup, at `now`.

    If the schedule has changed since, its window of today may have passed; the backup made now counts for it.
    """
    return first_window(schedule, max(served + WINDOW, now))


def windows(schedule: Schedule, first: datetime, count: int) -> list[datetime]:
    """Return the starts of `count` windows, from the first that starts at `first` or later."""
    found = [first_window(schedule, first)]
    while len(found) < count:
        found.append(first_window(schedule, found[-1] + WINDOW))
    return found


def kept_at_most(schedule: Schedule, keep_days: int) -> int:
    """Return how many backups exist at the same time if each window makes one and each is kept for `keep_days`."""
    week = [day in schedule.weekdays for day in range(1, 8)] * 2
    weeks, days = divmod(keep_days, 7)
    return weeks * len(schedule.weekdays) + max(sum(week[start : start + days]) for start in range(7))


def expires(started: datetime, keep_days: int) -> datetime:
    """Return the moment when a backup that started at `started` expires."""
    return started + keep_days * DAY


def _day(moment: datetime) -> datetime:
    """Return the start of the moment's UTC day."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
