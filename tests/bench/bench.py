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
    """`size` in megabytes; `directory` is emptied at the end of the run."""

    size: float
    runs: int
    directory: Path
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

    def backup(self, data_dir: Path) -> dict[str, Any]:
        """One backup in a process of its own; what backup_once tells of it."""
        target = self.empty("ours")
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "tests.bench.backup_once",
            data_dir,
            target / "staging",
            target / "backups",
        ]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        facts: dict[str, Any] = json.loads(answer)
        return facts
