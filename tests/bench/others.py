"""Compare a backup with restic and borg, which archive the same files in an empty repository.

They read files that no server is writing, because they cannot make a consistent cut of a running server.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.bench import Bench, size_of
from tests.bench.report import Row, megabytes

TARGET = "< 1.0x"


@dataclass(frozen=True)
class Tool:
    """A backup program: the commands to create its repository and to measure, with {repository} and {data}."""

    name: str
    init: str
    create: str
    environment: dict[str, str]


TOOLS = [
    Tool(
        "restic",
        "restic -q --no-cache -r {repository} init",
        "restic -q --no-cache -r {repository} backup {data}",
        {"RESTIC_PASSWORD": "bench"},
    ),
    Tool(
        "borg",
        "borg init -e none {repository}",
        # The compression level of the console.
        "borg create --compression zstd,3 {repository}::bench {data}",
        {"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"},
    ),
]


def rows(bench: Bench) -> Iterator[Row]:
    server = bench.instance(bench.size)
    files = bench.copy(server)
    what = f"Backup of {megabytes(size_of(files))}"
    installed = [tool for tool in TOOLS if shutil.which(tool.name)]
    ours: list[tuple[float, int]] = []
    theirs: dict[str, list[tuple[float, int]]] = {tool.name: [] for tool in installed}
    for _ in range(bench.runs):
        facts = bench.backup(server)
        ours.append((facts["seconds"], facts["size"]))
        for tool in installed:
            theirs[tool.name].append(_create(bench, tool, files))
    seconds, size = _medians(ours)
    for tool in TOOLS:
        if tool not in installed:
            yield Row(what, f"{seconds:.2f} s", f"not measured: {tool.name} is not installed", target=TARGET)
            continue
        their_seconds, their_size = _medians(theirs[tool.name])
        ratio = f"{seconds / their_seconds:.2f}x"
        yield Row(what, f"{seconds:.2f} s", f"{their_seconds:.2f} s ({tool.name})", ratio, TARGET)
        yield Row("  archive", megabytes(size), f"{megabytes(their_size)} ({tool.name})", f"{size / their_size:.2f}x")


def _create(bench: Bench, tool: Tool, files: Path) -> tuple[float, int]:
    """Return the seconds until the archive is on disk, and the repository's size in bytes."""
    place = bench.empty(tool.name)
    repository = place / "repository"
    # Caches outside the repository start empty too.
    environment = {**os.environ, **tool.environment, "HOME": str(place), "XDG_CACHE_HOME": str(place / "cache")}
    words = {"repository": str(repository), "data": str(files)}
    for command, measured in ((tool.init, False), (tool.create, True)):
        started = time.monotonic()
        arguments = [word.format(**words) for word in command.split()]
        subprocess.run(arguments, env=environment, check=True, stdout=subprocess.DEVNULL)
        if measured:
            subprocess.run(["sync", "-f", str(place)], check=True)
    return time.monotonic() - started, size_of(repository)


def _medians(measured: list[tuple[float, int]]) -> tuple[float, int]:
    return median(seconds for seconds, _size in measured), int(median(size for _seconds, size in measured))
