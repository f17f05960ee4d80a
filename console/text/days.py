"""Days from midnight to midnight in a time zone. Pure functions of aware times."""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TypeVar

from console.text.times import resolve

Item = TypeVar("Item")


@dataclass(frozen=True)
class Day:
    """One day: `start` belongs to it, `end` to the next day. They are not 24 hours apart when clocks change."""

    date: date
    start: datetime
    end: datetime


def last_days(now: datetime, zone: tzinfo, count: int) -> list[Day]:
    """Return the last `count` days in the zone, up to and including today."""
    today = now.astimezone(zone).date()
    dates = [today - timedelta(days=back) for back in range(count - 1, -1, -1)]
    return [_day(each, zone) for each in dates]


def days_of_month(within: date, zone: tzinfo) -> list[Day]:
    """Return the days, in the zone, of the month that the day `within` is in."""
    count = monthrange(within.year, within.month)[1]
    dates = [within.replace(day=number) for number in range(1, count + 1)]
    return [_day(each, zone) for each in dates]


def by_day(days: Sequence[Day], items: Iterable[tuple[datetime, Item]]) -> list[list[Item]]:
    """Return the items of each of the consecutive days. Items before the first or after the last day are ignored."""
    starts = [day.start for day in days]
    sorted_in: list[list[Item]] = [[] for _ in days]
    for moment, item in items:
        place = bisect_right(starts, moment) - 1
        if place >= 0 and moment < days[place].end:
            sorted_in[place].append(item)
    return sorted_in


def _day(day: date, zone: tzinfo) -> Day:
    return Day(day, _midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return resolve(datetime.combine(day, time.min), zone)
