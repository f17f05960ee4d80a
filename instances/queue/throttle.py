"""Keeping work to a number of bytes per second, so that it leaves the disk to others."""

import threading
import time
from collections.abc import Callable

# What was not used of the last moments may be caught up with, and no more: a stall is not followed by a burst.
_CATCH_UP_SECONDS = 0.5


class Throttle:
    """For any number of threads together. `rate` is in bytes per second; 0 does not hold anything up."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._due = clock()
        self._lock = threading.Lock()

    def delay(self, size: int) -> float:
        """After `size` more bytes: the seconds to wait before the next ones."""
        if not self.rate:
            return 0.0
        with self._lock:
            now = self._clock()
            self._due = max(self._due, now - _CATCH_UP_SECONDS) + size / self.rate
            return max(0.0, self._due - now)
