"""Compare unpacking an archive, until its files can be put in place, with the same in the shell."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.bench import Bench
from tests.bench.report import Row, megabytes, memory

# Does not check the archive's digest.
_PIPELINE = """
set -euo pipefail
zstd -q -d -c "$1" | tar -C "$2" -xf -
sync -f "$2"
"""


def rows(bench: Bench) -> Iterator[Row]:
    archive, size = _archive(bench, bench.size)
    ours, pipeline = [], []
    for _ in range(bench.runs):
        ours.append(bench.restore(archive.parent, archive.name))
        if shutil.which("zstd"):
            pipeline.append(_pipeline(bench, archive))
    seconds = median(facts["seconds"] for facts in ours)
    shell, ratio = "not measured: zstd is not installed", ""
    if pipeline:
        shell, ratio = f"{median(pipeline):.2f} s (shell)", f"{seconds / median(pipeline):.2f}x"
    yield Row(f"Restore of {megabytes(size)}", f"{seconds:.2f} s", shell, ratio, "<= 1.2x")
    small = _archive(bench, bench.size / 10)[0]
    for megabyte, facts in ((bench.size / 10, bench.restore(small.parent, small.name)), (bench.size, ours[0])):
        yield memory(f"restore of {megabyte:.0f} MB of documents", facts, "<= 120 MB")


def _archive(bench: Bench, size: float) -> tuple[Path, int]:
    """Return an archive of an instance of that size, and the bytes of the files in it."""
    facts = bench.backup(bench.instance(size))
    [made] = (bench.directory / "ours" / "backups").glob("*.tar.zst")
    return made.rename(bench.empty(f"restored-from-{size:g}") / made.name), facts["cut_bytes"]


def _pipeline(bench: Bench, archive: Path) -> float:
    destination = bench.empty("unpacked")
    started = time.monotonic()
    subprocess.run(["bash", "-c", _PIPELINE, "pipeline", archive, destination], check=True)
    return time.monotonic() - started
