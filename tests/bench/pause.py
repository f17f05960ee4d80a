"""How long clients of a real server wait for their writes while it is backed up."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from instances.engine import process
from tests.bench import data
from tests.bench.bench import Bench
from tests.bench.report import Row

_WRITERS = 4


@dataclass(frozen=True)
class Write:
    """An acknowledged write: when it was sent (seconds since the epoch), and how long its reply took."""

    sent: float
    seconds: float


def rows(bench: Bench) -> Iterator[Row]:
    home = bench.instance(bench.size, data.SEVERAL)
    port = next(port for port in range(21_000, 22_000) if process.bindable(port))
    server = process.spawn(home, port)
    try:
        before, during, cuts, pauses = [], [], [], []
        for _ in range(bench.runs):
            bench.empty("ours")
            writes, facts = _write_during_backup(bench, home, port)
            before.append(_longest(writes, 0, facts["began"]))
            during.append(_longest(writes, facts["began"], facts["ended"]))
            cuts.append(_longest(writes, facts["cut_at"] - facts["pause_seconds"], facts["cut_at"]))
            pauses.append(facts["pause_seconds"])
    finally:
        process.stop(server)
    without = f"{_ms(max(before))} (before it)"
    yield Row(f"Writers held for the cut, at most; {_WRITERS} write", _ms(max(pauses)), target="<= 250 ms")
    yield Row("  longest write under way at the cut", _ms(max(cuts)), without, target="<= 250 ms")
    yield Row("  longest write during the backup", _ms(max(during)), without)


def _write_during_backup(bench: Bench, home: Path, port: int) -> tuple[list[Write], dict[str, float]]:
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.write", str(port), str(_WRITERS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdin is not None and writer.stdout is not None
    try:
        assert writer.stdout.readline() == "writing\n"
        began = bench.backup(process.data_dir(home))
        writer.stdin.close()
        writes = [Write(*json.loads(line)) for line in writer.stdout]
    finally:
        writer.stdin.close()
        writer.stdout.close()
        writer.wait()
    return writes, began


def _longest(writes: list[Write], since: float, until: float) -> float:
    """The longest write that was under way at any time between the two."""
    return max(write.seconds for write in writes if write.sent <= until and write.sent + write.seconds >= since)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
