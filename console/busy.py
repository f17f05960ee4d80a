"""How busy this process is: before people have to wait for pages, lists refresh themselves less often."""

import threading
import time

# The share of a core that the process computes on, and how many seconds lists wait from there on.
_PAUSES = ((0.75, 3), (0.5, 2))
# It is measured over at least so many seconds.
_MEASURED = 2.0


class Busy:
    """The share of a core that this process has computed on lately; 1.0 is all that Python can."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since, self._computed = time.monotonic(), time.process_time()
        self._share = 0.0

    @property
    def share(self) -> float:
        now = time.monotonic()
        with self._lock:
            if now - self._since >= _MEASURED:
                computed = time.process_time()
                self._share = (computed - self._computed) / (now - self._since)
                self._since, self._computed = now, computed
            return self._share


_process = Busy()


def refresh_seconds() -> int:
    """After how many seconds a list that is in transition asks for news."""
    share = _process.share
    return next((seconds for least, seconds in _PAUSES if share >= least), 1)
