"""Run a function in several threads at the same instant, each with its own database connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def at_once(count: int, run: Callable[[int], Result]) -> list[Result]:
    """Return the results of run(0) to run(count - 1); raise the first exception that one of them raised."""
    barrier = Barrier(count)

    def in_thread(number: int) -> Result:
        try:
            barrier.wait(10)
            return run(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(in_thread, range(count)))
