"""Measure how long clients of a real server wait for their writes, during a backup and without one."""

import time
from collections.abc import Iterator
from functools import partial

from tests.bench.bench import Bench
from tests.bench.report import Row
from tests.bench.writers import Write, writes_during
from tests.instances.engines.servers import Server

_WRITERS = 4


def rows(bench: Bench) -> Iterator[Row]:
    server = bench.instance(bench.size)
    during, without, pauses = [], [], []
    for _ in range(bench.runs):
        writes, facts = writes_during(server, _WRITERS, partial(_back_up_and_wait_as_long, bench, server))
        during.append(_longest(writes, facts["began"], facts["ended"]))
        without.append(_longest(writes, facts["ended"], facts["ended"] + facts["seconds"]))
        pauses.append(facts["pause_seconds"])
    yield Row(f"Longest write during a backup; {_WRITERS} clients", _ms(max(during)), f"{_ms(max(without))} (without)")
    yield Row("  writers held for the cut, at most", _ms(max(pauses)), target="<= 250 ms")


def _back_up_and_wait_as_long(bench: Bench, server: Server) -> dict[str, float]:
    facts = bench.backup(server)
    time.sleep(facts["seconds"])
    return facts


def _longest(writes: list[Write], since: float, until: float) -> float:
    """Return the seconds of the longest write that was in progress between the two times."""
    return max(write.seconds for write in writes if write.sent <= until and write.sent + write.seconds >= since)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
