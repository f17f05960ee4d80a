"""How far work is, how fast it goes and how long it still takes: said only when it is known.

The agent measures, with a monotonic clock that callers pass in; pages show what it last wrote into the job's row.
"""

import math
from collections import deque
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

from instances.choices import Step

# The speed is that of the last seconds; of slow work, that of its last changes.
WINDOW = 10.0
_FEWEST = 4
# Less than this says nothing about what comes next.
KNOWN_AFTER = 2.0
# Closer together, changes are one change.
_APART = 0.2
# Halves of the window that differ more are no steady speed; a silence so many changes long, and this long, is none.
_STEADY = 2.5
_SILENCE = 2.0
# In how many seconds a new estimate takes over from the old one, for the most part.
_SETTLE = 4.0


@dataclass(frozen=True)
class Amount:
    """How much of a step is done, in bytes."""

    step: Step
    done: int
    total: int


@dataclass(frozen=True)
class Reading(Amount):
    """An amount with its speed, in bytes per second, and the seconds that the step still takes; None: not known.

    `at` is when it was read, as a Unix time.
    """

    speed: float | None
    left: float | None
    at: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, detail: dict[str, Any]) -> Self | None:
        """None of a job that has not reported an amount."""
        return cls(**{**detail, "step": Step(detail["step"])}) if "step" in detail else None


class Pace:
    """What the amounts of one step that are added, with the time of each, say of its speed and of the time left."""

    def __init__(self) -> None:
        self._done = 0
        self._changes: deque[tuple[float, int]] = deque()
        self._told: tuple[float, float] | None = None

    def add(self, now: float, done: int) -> None:
        self._done, changes = done, self._changes
        if changes and (done <= changes[-1][1] or now - changes[-1][0] < _APART):
            return
        changes.append((now, done))
        while len(changes) > _FEWEST and changes[0][0] < now - WINDOW:
            changes.popleft()

    def speed(self, now: float) -> float | None:
        """Bytes per second lately: from change to change, since work comes in pieces. A long silence counts."""
        changes = self._changes
        if len(changes) < 3 or changes[-1][0] - changes[0][0] < KNOWN_AFTER:
            return None
        (first, before), (last, done) = changes[0], changes[-1]
        silence = now - last - self._longest_gap()
        return (done - before) / (last - first + max(0.0, silence))

    def left(self, now: float, total: int) -> float | None:
        """Seconds until `total` at a steady speed: never below 0, and taking to a new estimate gradually."""
        told, self._told = self._told, None
        speed = self.speed(now)
        if not speed or self._done >= total or not self._is_steady(now):
            return None
        at, done = self._changes[-1]
        estimate = max(0.0, (total - done) / speed - (now - at))
        if told:
            expected = max(0.0, told[1] - (now - told[0]))
            estimate += (expected - estimate) * math.exp((told[0] - now) / _SETTLE)
        self._told = now, estimate
        return estimate

    def _is_steady(self, now: float) -> bool:
        changes = list(self._changes)
        if now - changes[-1][0] > max(_SILENCE, _STEADY * self._longest_gap()):
            return False
        middle = len(changes) // 2
        halves = [(changes[0], changes[middle]), (changes[middle], changes[-1])]
        slow, fast = sorted((end[1] - begin[1]) / (end[0] - begin[0]) for begin, end in halves)
        return fast <= _STEADY * slow

    def _longest_gap(self) -> float:
        return max(after[0] - before[0] for before, after in pairwise(self._changes))
