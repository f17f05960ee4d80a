"""A limit on the bytes per second of work, so that other work can use the disk."""

import threading
import time
from collections.abc import Callable

# Unused time counts only this far back, so that no burst follows a stall.
_CATCH_UP_SECONDS = 0.5


class Throttle:
    """A limit that any number of threads share. `rate` is in bytes per second; 0 means no limit."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._due = clock()
        self._lock = threading.Lock()

    def delay(self, size: int) -> float:
        """Return the seconds to wait after `size` more bytes."""
        if not self.rate:
            return 0.0
        with self._lock:
            now = self._clock()
            self._due = max(self._due, now - _CATCH_UP_SECONDS) + size / self.rate
            return max(0.0, self._due - now)
