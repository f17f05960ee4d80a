"""How long a backup takes, against the shell pipeline that an administrator would write."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from instances.engine import process
from tests.bench import data
from tests.bench.bench import Bench
from tests.bench.report import Row, megabytes

# The same files, level, digest and sync; but no check of the copies, no digests of the members, no manifest.
_PIPELINE = """
set -euo pipefail
for file in "$1"/*.db; do sqlite3 "$file" ".backup '$2/${file##*/}'"; done
tar -C "$2" -cf - . | zstd -q -3 -T0 -o "$3"
sha256sum "$3" > "$3.sha256"
sync -f "$3"
"""


def rows(bench: Bench) -> Iterator[Row]:
    for what, databases in (("3 databases", data.SEVERAL), ("1 database", data.ONE)):
        data_dir = process.data_dir(bench.instance(bench.size, databases))
        real = sum(path.stat().st_size for path in data_dir.glob("*.db"))
        yield from _compare(bench, f"Backup of {megabytes(real)}, {what}", data_dir)


def _compare(bench: Bench, what: str, data_dir: Path) -> Iterator[Row]:
    missing = [program for program in ("sqlite3", "zstd") if not shutil.which(program)]
    ours, pipeline = [], []
    for _ in range(bench.runs):
        ours.append(bench.backup(data_dir))
        if not missing:
            pipeline.append(_pipeline(bench, data_dir))
    seconds = median(facts["seconds"] for facts in ours)
    copying = median(facts["snapshot_seconds"] for facts in ours)
    time_cell = f"{seconds:.2f} s ({copying:.2f} s copying)"
    if missing:
        yield Row(what, time_cell, f"not measured: {' and '.join(missing)} not installed", target="<= 1.0x, aim 0.7x")
        yield Row("  archive", megabytes(ours[0]["size"]))
        return
    theirs = median(seconds for seconds, _ in pipeline)
    size, their_size = ours[0]["size"], pipeline[0][1]
    yield Row(what, time_cell, f"{theirs:.2f} s (shell)", f"{seconds / theirs:.2f}x", "<= 1.0x, aim 0.7x")
    yield Row("  archive", megabytes(size), f"{megabytes(their_size)} (shell)", f"{size / their_size:.2f}x")


def _pipeline(bench: Bench, data_dir: Path) -> tuple[float, int]:
    """Seconds, and the archive's size in bytes."""
    target = bench.empty("shell")
    staging, archive = target / "staging", target / "backup.tar.zst"
    staging.mkdir()
    started = time.monotonic()
    subprocess.run(["bash", "-c", _PIPELINE, "pipeline", data_dir, staging, archive], check=True)
    return time.monotonic() - started, archive.stat().st_size
