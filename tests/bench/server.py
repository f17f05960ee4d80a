"""Figures of an instance's server: start time, idle memory, and write rates of clients."""

import time
from collections.abc import Iterator
from statistics import median

from tests.bench.bench import Bench
from tests.bench.processes import memory
from tests.bench.report import Row
from tests.bench.writers import writes_during
from tests.instances.engines.servers import Server

_SECONDS = 4.0
_MANY = 8
_LOADS = ((1, "insert"), (_MANY, "insert"), (1, "update"))


def rows(bench: Bench) -> Iterator[Row]:
    starts, idle = [], []
    rates: list[list[float]] = [[] for _ in _LOADS]
    for run in range(bench.runs):
        begun = time.monotonic()
        with Server(bench.empty(f"server-{run}") / "home") as server:
            starts.append(time.monotonic() - begun)
            idle.append(memory(server.running.pid))
            for (clients, operation), taken in zip(_LOADS, rates, strict=True):
                taken.append(_rate(server, clients, operation))
    one, many, updates = map(median, rates)
    yield Row("An instance's server answers after", f"{median(starts):.2f} s")
    yield Row("  its memory when idle", f"{median(idle) / 1e6:.0f} MB")
    yield Row(f"  inserts a second, {_MANY} clients", f"{many:.0f}", f"{one:.0f} (one client)", f"{many / one:.2f}x")
    yield Row("  updates a second, one client", f"{updates:.0f}", f"{one:.0f} (inserts)", f"{updates / one:.2f}x")


def _rate(server: Server, clients: int, operation: str) -> float:
    """Return the acknowledged writes per second."""
    writes, began = writes_during(server, clients, _wait, operation)
    return sum(began <= write.sent + write.seconds <= began + _SECONDS for write in writes) / _SECONDS


def _wait() -> float:
    """Let the clients write for a while; return when that began."""
    began = time.time()
    time.sleep(_SECONDS)
    return began
