"""Local times that clocks skip or show twice."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.text.days import last_days
from console.text.times import resolve

ZONES = ["America/Los_Angeles", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Pacific/Apia", "UTC"]


@pytest.mark.parametrize(
    ("zone", "typed", "first", "last"),
    [
        ("America/Los_Angeles", "2026-11-01T01:00", "2026-11-01T08:00", "2026-11-01T09:00"),
        ("America/Los_Angeles", "2026-11-01T02:00", "2026-11-01T10:00", "2026-11-01T10:00"),
        ("America/Los_Angeles", "2026-03-08T02:30", "2026-03-08T10:00", "2026-03-08T10:00"),
        ("America/Los_Angeles", "2026-03-08T02:00", "2026-03-08T10:00", "2026-03-08T10:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:10:30.5", "2026-10-03T15:30", "2026-10-03T15:30"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00", "2011-12-30T10:00"),
        ("America/Santiago", "2026-04-04T23:30", "2026-04-05T02:30", "2026-04-05T03:30"),
    ],
)
def test_a_time_shown_twice_is_the_first_or_last_moment_and_a_skipped_one_the_next_that_exists(
    zone: str, typed: str, first: str, last: str
) -> None:
    local = datetime.fromisoformat(typed)
    moments = [resolve(local, ZoneInfo(zone), last=each) for each in (False, True)]
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in moments] == [first, last]
    assert all(moment.tzinfo is UTC and not moment.second for moment in moments)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)), st.sampled_from(ZONES))
def test_every_local_time_is_a_moment_that_shows_it_or_the_next_that_exists(typed: datetime, zone: str) -> None:
    first, last = (resolve(typed, ZoneInfo(zone), last=each) for each in (False, True))
    shown = first.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert first <= last and shown >= typed
    assert shown == typed or (first - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).replace(tzinfo=None) < typed


@given(st.dates(date(2000, 1, 1), date(2037, 1, 1)), st.sampled_from(ZONES))
def test_days_follow_each_other_without_a_gap(day: date, zone: str) -> None:
    days = last_days(datetime(day.year, day.month, day.day, 12, tzinfo=UTC), ZoneInfo(zone), 14)
    assert all(before.end == after.start for before, after in pairwise(days))
