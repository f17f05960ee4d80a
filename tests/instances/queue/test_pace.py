"""Speed and time left of work, computed from series of (seconds, bytes)."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pytest

from console.templatetags.console_formats import about
from instances.queue.pace import Pace

MB = 1024 * 1024
Series = list[tuple[float, int]]
# Measured by agents: writing a 7 MB archive at 500 kB a second, a megabyte at a time, and copying 282 MB at 20 MB a
# second.
ARCHIVED: Series = [
    (0.00, 4096),
    (0.51, 4096),
    (1.02, 4096),
    (1.55, 4096),
    (2.09, 1052672),
    (2.59, 1052672),
    (3.11, 1052672),
    (3.64, 1052672),
    (4.18, 2101248),
    (4.69, 2101248),
    (5.19, 2101248),
    (5.69, 2101248),
    (6.27, 3149824),
    (6.77, 3149824),
    (7.28, 3149824),
    (7.79, 3149824),
    (8.37, 4198400),
    (8.87, 4198400),
    (9.42, 4198400),
    (9.94, 4198400),
    (10.47, 5246976),
    (10.98, 5246976),
    (11.48, 5246976),
    (11.99, 5246976),
    (12.56, 6295552),
    (13.08, 6295552),
    (13.58, 6295552),
]
COPIED: Series = [
    (0.00, 11997184),
    (0.52, 21991424),
    (1.04, 31985664),
    (1.55, 41979904),
    (2.06, 51974144),
    (2.58, 61968384),
    (3.09, 71962624),
    (3.60, 83955712),
    (4.12, 93949952),
    (4.63, 103944192),
    (5.15, 113938432),
    (5.65, 123932672),
    (6.17, 133926912),
    (6.68, 143921152),
    (7.20, 155914240),
    (7.72, 165908480),
    (8.24, 175902720),
    (8.77, 185896960),
    (9.29, 195891200),
    (9.80, 207884288),
    (10.32, 217878528),
    (10.84, 227872768),
    (11.37, 237867008),
    (11.92, 249860096),
    (12.46, 259854336),
    (12.99, 269848576),
    (13.52, 281661440),
]


@dataclass(frozen=True)
class Said:
    at: float
    speed: float | None
    left: float | None


def say(series: Iterable[tuple[float, int]], total: int) -> list[Said]:
    pace, said = Pace(), []
    for at, done in series:
        pace.add(at, done)
        said.append(Said(at, pace.speed(at), pace.left(at, total)))
    return said


def known(said: list[Said]) -> list[tuple[float, float]]:
    return [(each.at, each.left) for each in said if each.left is not None]


def even(rate: float, seconds: float, *, every: float = 0.5) -> Series:
    return [(n * every, int(rate * n * every)) for n in range(int(seconds / every) + 1)]


def noisy(rate: float, seconds: float) -> Series:
    """Return a series whose rate changes every half second, between 0.5 and 1.5 times the average."""
    dice, done, series = random.Random(1), 0.0, []
    for n in range(int(seconds * 2)):
        series.append((n / 2, int(done)))
        done += rate / 2 * dice.uniform(0.5, 1.5)
    return series


def in_pieces(rate: float, seconds: float) -> Series:
    """Return a series that is reported every half second but advances a megabyte at a time."""
    return [(at, done // MB * MB) for at, done in even(rate, seconds)]


def test_no_speed_or_time_left_is_shown_at_first() -> None:
    said = say(even(100, 30), 3000)
    assert all(each.speed is None and each.left is None for each in said if each.at < 2)
    assert said[4].speed == 100


def test_speed_and_time_left_of_even_work_are_exact() -> None:
    for each in say(even(100, 29), 3000)[4:]:
        assert each.speed == pytest.approx(100)
        assert each.left == pytest.approx(30 - each.at, abs=0.01)


@pytest.mark.parametrize("rate", [MB / 5, MB / 3, MB, 20 * MB])
def test_work_in_pieces_has_its_average_speed(rate: float) -> None:
    seconds = 120
    said = say(in_pieces(rate, seconds), int(rate * seconds))[60:]
    assert said[0].speed is not None
    for each in said:
        assert each.speed == pytest.approx(rate, rel=0.25)
        if each.left is not None:
            assert each.left == pytest.approx(seconds - each.at, rel=0.3, abs=5)
    assert len(known(said)) > len(said) / 2


@pytest.mark.parametrize(
    ("series", "total"),
    [
        (even(100, 30), 3000),
        (noisy(MB, 120), 120 * MB),
        (in_pieces(MB / 5, 120), 24 * MB),
        (ARCHIVED, 7_057_408),
        (COPIED, 281_661_440),
        (even(100, 20) + [(20 + at, 2000 + 2 * done) for at, done in even(100, 40)[1:]], 10_000),
    ],
    ids=["even", "noisy", "in pieces", "archived", "copied", "twice as fast after a while"],
)
def test_the_time_left_is_never_negative_and_never_jumps(series: Series, total: int) -> None:
    said = say(series, total)
    told = known(said)
    assert len(told) > len(said) / 2, "most of the time something can be said"
    assert all(left >= 0 for _, left in told)
    for (before, was), (now, left) in pairwise(told):
        if now - before < 1:
            assert abs(left - (was - (now - before))) <= 0.2 * was + 1


def test_the_time_left_of_recorded_work_was_right() -> None:
    for series, total, ended in ((ARCHIVED, 7_057_408, 13.58), (COPIED, 281_661_440, 13.52)):
        told = known(say(series, total))
        assert all(at + left == pytest.approx(ended, abs=0.6) for at, left in told)


def test_noise_hardly_changes_the_predicted_end() -> None:
    ends = [at + left for at, left in known(say(noisy(MB, 120), 120 * MB))][20:]
    assert max(ends) - min(ends) < 40 and abs(sum(ends) / len(ends) - 120) < 10


def test_stalled_work_has_no_time_left_and_a_falling_speed() -> None:
    stalled = [*even(100, 10), *((10 + n / 2, 1000) for n in range(1, 60))]
    said = say(stalled, 3000)
    assert said[18].left is not None
    assert all(each.left is None for each in said if each.at > 12.5)
    speeds = [each.speed for each in said[21:]]
    assert all(speed is not None for speed in speeds)
    assert speeds == sorted(speeds, key=lambda speed: -(speed or 0)) and (speeds[-1] or 0) < 30


def test_no_time_left_is_shown_for_an_uneven_speed() -> None:
    ever_faster = [(n / 2, int(1000 * 1.35**n)) for n in range(40)]
    assert not [left for at, left in known(say(ever_faster, 10**12)) if at > 4]


def test_finished_work_has_no_time_left() -> None:
    told = known(say(even(100, 32, every=0.15), 3000))
    assert told[-1][0] < 30 and told[-1][1] == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0.0, "5 s"), (4.2, "5 s"), (5.1, "10 s"), (55.0, "55 s"), (55.1, "1 min"), (61.0, "2 min")),
        *((59 * 60.0, "59 min"), (3600.0, "1 h 0 min"), (4700.0, "1 h 20 min"), (90_000.0, "25 h 0 min")),
    ],
)
def test_the_time_left_is_rounded_up(seconds: float, said: str) -> None:
    assert about(seconds) == said
