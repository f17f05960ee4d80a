"""Measure how long the real process tree takes until it answers, in a new home and in a used one."""

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.testing.server import ConsoleServer
from tests.bench.report import Row

if TYPE_CHECKING:
    from tests.bench.bench import Bench

TARGET = "< 5 s"


def rows(bench: "Bench") -> Iterator[Row]:
    first: list[float] = []
    again: list[float] = []
    for run in range(bench.runs):
        console = ConsoleServer(bench.empty(f"start-{run}") / "home")
        for taken in (first, again):
            console.start()
            console.stop()
            taken.append(console.started_in)
    for what, taken in (("a new home", first), ("a home that has been used", again)):
        yield Row(f"Start in {what}", f"{statistics.median(taken):.1f} s", "", "", TARGET)
