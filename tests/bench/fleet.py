"""Twenty instances backed up at once, against the same twenty one after another, by the real agent."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median

from instances.engine import process
from tests.bench import data
from tests.bench.bench import Bench
from tests.bench.report import Row, megabytes
from tests.e2e.console import Console

INSTANCES = 20
# More jobs than cores only wait for each other.
CORES = os.cpu_count() or 1


def rows(bench: Bench) -> Iterator[Row]:
    source = process.data_dir(bench.instance(bench.size / INSTANCES, data.SEVERAL))
    total = INSTANCES * sum(path.stat().st_size for path in source.glob("*.db"))
    with Console(bench.directory / "fleet") as console:
        ids = [_instance(console, f"fleet-{number:02}", source) for number in range(INSTANCES)]
        one_by_one, computed, at_once = [], [], []
        agent = console.pid_of("manage.py agent")
        for run in range(max(bench.runs // 2, 1)):
            before = _cpu(agent)
            one_by_one.append(sum(_seconds(console, [(id, f"alone-{run}-{n:02}")]) for n, id in enumerate(ids)))
            computed.append(_cpu(agent) - before)
            at_once.append(_seconds(console, [(id, f"together-{run}-{n:02}") for n, id in enumerate(ids)]))
        memory = _peak(agent)
    alone, cpu, together = median(one_by_one), median(computed), median(at_once)
    yield Row(
        f"{INSTANCES} instances at once, {megabytes(total)} in all",
        f"{together:.2f} s",
        f"{alone:.2f} s one by one / {CORES} cores",
        f"{together / (alone / CORES):.2f}x",
        "<= 1.3x",
    )
    # A backup that is alone is compressed on every core, so what it takes says little of what twenty must take.
    yield Row(
        "  against what one by one computes",
        f"{together:.2f} s",
        f"{cpu:.2f} s of CPU / {CORES} cores",
        f"{together / (cpu / CORES):.2f}x",
        "<= 1.3x",
    )
    yield Row("  the agent's memory at most", megabytes(memory))


def _instance(console: Console, name: str, source: Path) -> str:
    """An instance whose server finds the databases of `source` among its own."""
    id = str(console.create_instance(name, "Single")["id"])
    for path in source.glob("*.db"):
        shutil.copyfile(path, process.data_dir(console.home / "instances" / id) / path.name)
    return id


def _seconds(console: Console, wanted: list[tuple[str, str]]) -> float:
    """From the first start to the last end of the backups, by the console's own record."""
    for id, name in wanted:
        console.create_backup(id, name)
    ended = [datetime.fromisoformat(console.wait_backup(name, seconds=300)["ended"]) for _id, name in wanted]
    started = [
        datetime.fromisoformat(row["started"])
        for _id, name in wanted
        for row in console.query(
            "SELECT job.started FROM instances_job job JOIN backups_backup backup ON backup.job_id = job.id"
            " WHERE backup.name = ?",
            name,
        )
    ]
    return (max(ended) - min(started)).total_seconds()


def _cpu(pid: int) -> float:
    """Seconds that the process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak(pid: int) -> int:
    """The most bytes that the process has had in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError("VmHWM")
