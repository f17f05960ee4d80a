"""Compare a backup with the shell pipeline that an administrator would write; measure the agent's memory."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.bench import Bench
from tests.bench.report import Row, megabytes, memory

# The same files, level, digest and sync, but no cut, member digests, manifest or counts. The copy replaces the cut:
# tar cannot archive files that a server is writing.
_PIPELINE = """
set -euo pipefail
cp -r "$1" "$2/staging"
tar -C "$2/staging" -cf - . | zstd -q -3 -T0 -o "$2/backup.tar.zst"
sha256sum "$2/backup.tar.zst" > "$2/backup.tar.zst.sha256"
sync -f "$2"
"""
# As for a stopped server.
_WITHOUT_COPY = _PIPELINE.replace('cp -r "$1" "$2/staging"', 'ln -s "$1" "$2/staging"')


def rows(bench: Bench) -> Iterator[Row]:
    if not shutil.which("zstd"):
        yield Row("Backup", "not measured: zstd is not installed")
        return
    server = bench.instance(bench.size)
    files = bench.copy(server)
    ours, copied, direct = [], [], []
    for _ in range(bench.runs):
        ours.append(bench.backup(server))
        copied.append(_shell(bench, _PIPELINE, files))
        direct.append(_shell(bench, _WITHOUT_COPY, files))
    seconds, opened = (median(facts[name] for facts in ours) for name in ("seconds", "open_seconds"))
    shell, shell_direct = (median(seconds for seconds, _size in runs) for runs in (copied, direct))
    what = f"Backup of {megabytes(ours[0]['cut_bytes'])}"
    cell = f"{seconds:.2f} s ({opened:.2f} s to the cut)"
    yield Row(what, cell, f"{shell:.2f} s (shell)", f"{seconds / shell:.2f}x", "<= 1.0x, aim 0.5x")
    yield Row("  against the shell without its copy", "", f"{shell_direct:.2f} s", f"{seconds / shell_direct:.2f}x")
    size, their_size = ours[0]["size"], copied[0][1]
    yield Row("  archive", megabytes(size), f"{megabytes(their_size)} (shell)", f"{size / their_size:.2f}x")
    small = bench.backup(bench.instance(bench.size / 10))
    for megabyte, facts in ((bench.size / 10, small), (bench.size, ours[0])):
        yield memory(f"backup of {megabyte:.0f} MB of documents", facts, "<= 120 MB")


def _shell(bench: Bench, pipeline: str, files: Path) -> tuple[float, int]:
    """Run the pipeline; return the seconds and the archive's size in bytes."""
    target = bench.empty("shell")
    started = time.monotonic()
    subprocess.run(["bash", "-c", pipeline, "pipeline", files, target], check=True)
    return time.monotonic() - started, (target / "backup.tar.zst").stat().st_size
