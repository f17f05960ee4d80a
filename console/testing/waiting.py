"""A helper that waits for a state instead of a fixed time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_for(what: Callable[[], Result], *, seconds: float = 30.0, because: str = "") -> Result:
    """Return the first truthy result of `what`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        result = what()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{because or what} did not happen within {seconds:.0f} s; last was {result!r}")
        pause.wait(0.02)
