"""How long a restore takes until its files can be put in place, against unpacking the same archive in the shell."""

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

# No check of the archive's digest, of the members' digests, nor of the databases.
_PIPELINE = """
set -euo pipefail
zstd -q -d -c "$1" | tar -C "$2" -xf -
sync -f "$2"
"""


def rows(bench: Bench) -> Iterator[Row]:
    for what, databases in (("3 databases", data.SEVERAL), ("1 database", data.ONE)):
        archive, real = _archive(bench, bench.size, databases)
        yield from _compare(bench, f"Restore of {megabytes(real)}, {what}", archive)
    for size in (bench.size / 10, bench.size):
        archive = _archive(bench, size, data.SEVERAL)[0]
        growth = bench.restore(archive.parent, archive.name)["memory_growth"]
        yield Row(f"Memory for a restore of {size:.0f} MB", megabytes(growth), target="<= 120 MB, the same for both")


def _archive(bench: Bench, size: float, databases: dict[str, float]) -> tuple[Path, int]:
    """An archive of such an instance, and the bytes of its databases."""
    data_dir = process.data_dir(bench.instance(size, databases))
    bench.backup(data_dir)
    [made] = (bench.directory / "ours" / "backups").glob("*.tar.zst")
    kept = made.rename(bench.empty("restored-from") / made.name)
    return kept, sum(path.stat().st_size for path in data_dir.glob("*.db"))


def _compare(bench: Bench, what: str, archive: Path) -> Iterator[Row]:
    missing = [program for program in ("tar", "zstd") if not shutil.which(program)]
    ours, pipeline = [], []
    for _ in range(bench.runs):
        ours.append(bench.restore(archive.parent, archive.name)["seconds"])
        if not missing:
            pipeline.append(_pipeline(bench, archive))
    if missing:
        compared = f"not measured: {' and '.join(missing)} not installed"
        yield Row(what, f"{median(ours):.2f} s", compared, target="<= 1.2x")
        return
    ratio = median(ours) / median(pipeline)
    yield Row(what, f"{median(ours):.2f} s", f"{median(pipeline):.2f} s (shell)", f"{ratio:.2f}x", "<= 1.2x")


def _pipeline(bench: Bench, archive: Path) -> float:
    destination = bench.empty("unpacked")
    started = time.monotonic()
    subprocess.run(["bash", "-c", _PIPELINE, "pipeline", archive, destination], check=True)
    return time.monotonic() - started
