"""The table, and a description of the machine."""

import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import zstandard

from tests.table import table


@dataclass(frozen=True)
class Row:
    """One figure: what was measured, what it is compared with, their ratio, and the target."""

    what: str
    ours: str
    reference: str = ""
    ratio: str = ""
    target: str = ""


HEADINGS = ("what", "ours", "compared with", "ratio", "target")


def lines(rows: Iterable[Row]) -> list[str]:
    return table(HEADINGS, [(row.what, row.ours, row.reference, row.ratio, row.target) for row in rows])


def machine(directory: Path) -> str:
    """Return one line about the processor, memory, disk and programs."""
    cpu = _field(Path("/proc/cpuinfo"), "model name") or platform.machine()
    memory = int(_field(Path("/proc/meminfo"), "MemTotal").split()[0]) / 1024**2
    disk = subprocess.run(["stat", "-f", "-c", "%T", str(directory)], capture_output=True, text=True).stdout.strip()
    programs = [_version(program) for program in ("zstd", "restic", "borg") if shutil.which(program)]
    return (
        f"{os.cpu_count()} x {cpu}, {memory:.0f} GB memory, {disk}; {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SecantusDB {version('secantusdb')}, SQLite {sqlite3.sqlite_version}, "
        f"zstd {'.'.join(map(str, zstandard.ZSTD_VERSION))}; load {os.getloadavg()[0]:.1f}. "
        f"Programs: {', '.join(programs) or 'none of those compared with'}."
    )


def megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def memory(what: str, facts: dict[str, Any], target: str) -> Row:
    """Return the row of the agent's memory, from the output of a backup or a restore."""
    cell = f"{megabytes(facts['memory'])}, {megabytes(facts['memory_growth'])} more than before"
    return Row(f"The agent's memory, {what}", cell, target=f"{target}, the same for both")


def _field(path: Path, name: str) -> str:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""


def _version(program: str) -> str:
    how = "version" if program == "restic" else "--version"
    answer = subprocess.run([program, how], capture_output=True, text=True).stdout.split()
    number = next((word.strip("v,") for word in answer if word.strip("v,")[:1].isdigit()), "")
    return f"{program} {number}"
