"""Compare backing up twenty instances at once with one after another, by the real agent."""

import os
from collections.abc import Iterator
from datetime import datetime
from statistics import median

from tests.bench import data
from tests.bench.bench import Bench, size_of
from tests.bench.processes import computed, memory
from tests.bench.report import Row, megabytes
from tests.e2e.console import Console, connect

INSTANCES = 20
# More jobs than cores would only wait for each other.
CORES = os.cpu_count() or 1


def rows(bench: Bench) -> Iterator[Row]:
    with Console(bench.directory / "fleet") as console:
        ids = [_instance(console, f"fleet-{number:02}", bench.size / INSTANCES) for number in range(INSTANCES)]
        one_by_one, alone_cpu, at_once = [], [], []
        agent = console.pid_of("manage.py agent")
        for run in range(max(bench.runs // 2, 1)):
            before = computed(agent)
            one_by_one.append(sum(_seconds(console, [(id, f"alone-{run}-{n:02}")]) for n, id in enumerate(ids)))
            alone_cpu.append(computed(agent) - before)
            at_once.append(_seconds(console, [(id, f"together-{run}-{n:02}") for n, id in enumerate(ids)]))
        peak = memory(agent, peak=True)
        total = size_of(console.home / "instances")
    alone, cpu, together = median(one_by_one), median(alone_cpu), median(at_once)
    yield Row(
        f"{INSTANCES} instances at once, {megabytes(total)} in all",
        f"{together:.2f} s",
        f"{alone:.2f} s one by one / {CORES} cores",
        f"{together / (alone / CORES):.2f}x",
        "<= 1.3x",
    )
    # A single backup compresses on every core, so its time says little about what twenty should take.
    yield Row(
        "  against what one by one computes",
        f"{together:.2f} s",
        f"{cpu:.2f} s of CPU / {CORES} cores",
        f"{together / (cpu / CORES):.2f}x",
        "<= 1.3x",
    )
    yield Row("  the agent's memory at most", megabytes(peak))


def _instance(console: Console, name: str, size: float) -> str:
    """Create an instance with that many megabytes of documents."""
    row = console.create_instance(name, "Single")
    with connect(row["port"]) as client:
        data.fill(client, size)
    return str(row["id"])


def _seconds(console: Console, wanted: list[tuple[str, str]]) -> float:
    """Return the seconds from the first start to the last end of the backups, as the console recorded them."""
    for id, name in wanted:
        console.create_backup(id, name)
    ended = [datetime.fromisoformat(console.wait_backup(name, seconds=300)["ended"]) for _id, name in wanted]
    started = [datetime.fromisoformat(console.job_of(name)["started"]) for _id, name in wanted]
    return (max(ended) - min(started)).total_seconds()
