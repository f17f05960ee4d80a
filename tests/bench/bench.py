"""What every group of rows shares: options, instances made once, and how one backup is measured."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench import data


@dataclass
class Bench:
    """`size` in megabytes; `directory` is emptied at the end of the run; `backups` is how many the lists have."""

    size: float
    runs: int
    directory: Path
    backups: int = 1_000_000
    _homes: dict[str, Path] = field(default_factory=dict)

    def instance(self, size: float, databases: dict[str, float]) -> Path:
        """The home of an instance of that size and make; made when first asked for."""
        name = f"instance-{size:g}-{len(databases)}"
        if name not in self._homes:
            data.make_instance(self.directory / name, size, databases)
            self._homes[name] = self.directory / name
        return self._homes[name]

    def empty(self, name: str) -> Path:
        """An empty directory of that name, whatever was in it before, with nothing left to be written to the disk."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        subprocess.run(["sync", "-f", str(path)], check=True)
        return path

    def backup(self, data_dir: Path, place: str = "") -> dict[str, Any]:
        """One backup in a process of its own, into "ours" or the place; what backup_once tells of it."""
        target = self.empty("ours")
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "tests.bench.backup_once",
            data_dir,
            target / "staging",
            place or target / "backups",
        ]
        return self._told(command)

    def restore(self, place: str | Path, name: str) -> dict[str, Any]:
        """One restore in a process of its own; what restore_once tells of it."""
        destination = self.empty("unpacked") / "data.restoring"
        return self._told([sys.executable, "-m", "tests.bench.restore_once", place, name, destination])

    def _told(self, command: list[str | Path]) -> dict[str, Any]:
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        facts: dict[str, Any] = json.loads(answer)
        return facts
