"""The times of automated backups: over years and with any downtime, each window runs at most once and never late."""

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.policy.schedule import (
    DAY,
    WINDOW,
    Schedule,
    expires,
    first_window,
    window_after,
    window_to_serve,
)

MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))
SCHEDULES = st.builds(Schedule, st.integers(0, 23), st.frozensets(st.integers(1, 7), min_size=1))
# Time between two checks of an agent: mostly minutes, sometimes days of downtime.
PAUSES = st.one_of(
    st.integers(1, 3600).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(1, 24 * 20).map(lambda hours: timedelta(hours=hours)),
)


def day_of(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def windows(schedule: Schedule, start: datetime, end: datetime) -> list[datetime]:
    """Return the schedule's windows in [start, end), counted day by day."""
    days = ((end - day_of(start)).days + 2) * [day_of(start)]
    starts = [day + n * DAY + schedule.hour * WINDOW for n, day in enumerate(days)]
    return [at for at in starts if start <= at < end and at.isoweekday() in schedule.weekdays]


class Agent:
    """An agent that checks the clock now and then, as the real one does, and records when it served which window."""

    def __init__(self, schedule: Schedule, created: datetime) -> None:
        self.schedule = schedule
        self.pending = first_window(schedule, created)
        self.served: list[tuple[datetime, datetime]] = []

    def look(self, now: datetime) -> None:
        window = window_to_serve(self.schedule, self.pending, now)
        if window <= now:
            self.served.append((window, now))
            window = window_after(self.schedule, window, now)
        self.pending = window


@given(SCHEDULES, MOMENTS)
def test_the_first_window_is_the_next_one_after_creation(schedule: Schedule, at: datetime) -> None:
    assert first_window(schedule, at) == windows(schedule, at, at + 8 * DAY)[0]


@given(SCHEDULES, MOMENTS, st.lists(PAUSES, min_size=1, max_size=60))
@settings(deadline=None)
def test_each_window_is_served_once_on_its_own_day_whatever_the_downtime(
    schedule: Schedule, created: datetime, pauses: list[timedelta]
) -> None:
    agent, now, looks = Agent(schedule, created), created, []
    for pause in pauses:
        now += pause
        looks.append(now)
        agent.look(now)
        # A repeated check, or a second agent, changes nothing.
        agent.look(now)

    served = dict(agent.served)
    assert len(served) == len(agent.served), "served twice"
    for window in windows(schedule, created, now):
        chances = [look for look in looks if window <= look < day_of(window) + DAY]
        assert served.pop(window, None) == (chances[0] if chances else None)
    assert {window for window, when in served.items() if when != window} == set(), "not a window of the schedule"


@given(SCHEDULES, st.integers(2024, 2030))
@settings(max_examples=20, deadline=None)
def test_an_agent_without_downtime_serves_every_window_of_three_years(schedule: Schedule, year: int) -> None:
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 3, 1, 1, tzinfo=UTC)
    agent, now = Agent(schedule, start), start
    while now < end:
        agent.look(now)
        now += WINDOW
    assert [window for window, _ in agent.served] == windows(schedule, start, end)
    assert all(when == window for window, when in agent.served)


def test_every_day_of_a_leap_year_has_its_window() -> None:
    every_day = Schedule(23, frozenset(range(1, 8)))
    found = windows(every_day, datetime(2028, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC))
    assert len(found) == 366
    agent = Agent(every_day, datetime(2028, 2, 28, 23, tzinfo=UTC))
    for hour in range(72):
        agent.look(datetime(2028, 2, 28, 23, tzinfo=UTC) + hour * WINDOW)
    assert [f"{window:%m-%d %H}" for window, _ in agent.served] == ["02-28 23", "02-29 23", "03-01 23"]


def test_each_weekday_is_served_equally_often_in_four_years() -> None:
    mondays_and_fridays = Schedule(0, frozenset({1, 5}))
    agent = Agent(mondays_and_fridays, datetime(2025, 1, 1, tzinfo=UTC))
    for day in range(4 * 364):
        agent.look(datetime(2025, 1, 1, 12, tzinfo=UTC) + day * DAY)
    assert Counter(window.isoweekday() for window, _ in agent.served) == {1: 208, 5: 208}


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-23 01:59:59", False),
        ("2026-11-23 02:00:00", True),
        ("2026-11-23 23:59:59", True),
        ("2026-11-24 00:00:00", False),
        ("2026-11-24 02:00:00", True),
    ],
)
def test_a_missed_window_is_due_until_its_day_is_over(now: str, due: bool) -> None:
    every_day = Schedule(2, frozenset(range(1, 8)))
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    pending = datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert (window_to_serve(every_day, pending, moment) <= moment) is due


def test_after_days_of_downtime_only_the_window_of_today_is_served() -> None:
    agent = Agent(Schedule(2, frozenset(range(1, 8))), datetime(2026, 11, 1, tzinfo=UTC))
    agent.look(datetime(2026, 11, 10, 17, 30, tzinfo=UTC))
    agent.look(datetime(2026, 11, 10, 17, 31, tzinfo=UTC))
    assert [window for window, _ in agent.served] == [datetime(2026, 11, 10, 2, tzinfo=UTC)]


@given(MOMENTS, st.integers(1, 732))
def test_a_backup_is_kept_for_whole_days(started: datetime, keep_days: int) -> None:
    assert (expires(started, keep_days) - started).total_seconds() == keep_days * 86_400


def test_all_times_are_in_utc_in_any_time_zone() -> None:
    elsewhere = datetime(2026, 11, 23, 1, 30, tzinfo=timezone(timedelta(hours=9)))
    assert first_window(Schedule(17, frozenset({7})), elsewhere) == datetime(2026, 11, 22, 17, tzinfo=UTC)
