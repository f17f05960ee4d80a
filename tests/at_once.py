"""Runs something in several threads at the same instant, each with a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def at_once(count: int, run: Callable[[int], Result]) -> list[Result]:
    """What run(0) to run(count - 1) return; raises what the first of them that failed has raised."""
    barrier = Barrier(count)

    def in_thread(number: int) -> Result:
        try:
            barrier.wait(10)
            return run(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(in_thread, range(count)))
