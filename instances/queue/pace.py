"""The progress and speed of a job and the time left, as far as they are known.

The agent measures them, with monotonic times that callers pass in. Pages show the last Reading in the job's row.
"""

import math
from collections import deque
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

from instances.choices import Step

# The speed is measured over the last WINDOW seconds, or over the last _FEWEST changes if the work is slow.
WINDOW = 10.0
_FEWEST = 4
# The speed counts as known once the changes span this many seconds.
KNOWN_AFTER = 2.0
# Changes fewer seconds apart than this count as one.
_APART = 0.2
# The speed is not steady if it differs between the halves of the window by more than the factor _STEADY, or if no
# change has come for more than _SILENCE seconds and more than _STEADY times the longest gap between changes.
_STEADY = 2.5
_SILENCE = 2.0
# After about this many seconds, a new estimate has mostly replaced the old one.
_SETTLE = 4.0


@dataclass(frozen=True)
class Amount:
    """How much of a step is done, in bytes."""

    step: Step
    done: int
    total: int


@dataclass(frozen=True)
class Reading(Amount):
    """An amount with its speed, in bytes per second, and the seconds left for the step; each is None if unknown.

    `at` is the Unix time of the measurement.
    """

    speed: float | None
    left: float | None
    at: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, detail: dict[str, Any]) -> Self | None:
        """Read what to_json() wrote; None if the job has not reported an amount."""
        return cls(**{**detail, "step": Step(detail["step"])}) if "step" in detail else None


class Pace:
    """Computes the speed of one step and the time left from the amounts added, each with its time."""

    def __init__(self) -> None:
        self._done = 0
        self._changes: deque[tuple[float, int]] = deque()
        self._last_estimate: tuple[float, float] | None = None

    def add(self, now: float, done: int) -> None:
        self._done, changes = done, self._changes
        if changes and (done <= changes[-1][1] or now - changes[-1][0] < _APART):
            return
        changes.append((now, done))
        while len(changes) > _FEWEST and changes[0][0] < now - WINDOW:
            changes.popleft()

    def speed(self, now: float) -> float | None:
        """Return the recent bytes per second between changes; None if unknown. A silence beyond any gap lowers it."""
        changes = self._changes
        if len(changes) < 3 or changes[-1][0] - changes[0][0] < KNOWN_AFTER:
            return None
        (first, before), (last, done) = changes[0], changes[-1]
        silence = now - last - self._longest_gap()
        return (done - before) / (last - first + max(0.0, silence))

    def left(self, now: float, total: int) -> float | None:
        """Return the seconds until `total`, smoothed and never below 0; None unless the speed is steady."""
        before, self._last_estimate = self._last_estimate, None
        speed = self.speed(now)
        if not speed or self._done >= total or not self._is_steady(now):
            return None
        at, done = self._changes[-1]
        estimate = max(0.0, (total - done) / speed - (now - at))
        if before:
            expected = max(0.0, before[1] - (now - before[0]))
            estimate += (expected - estimate) * math.exp((before[0] - now) / _SETTLE)
        self._last_estimate = now, estimate
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
