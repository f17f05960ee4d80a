"""What every group of rows shares: options, instances made once, and how one backup is measured."""

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.bench import data
from tests.instances.engines.servers import Server, back_up


@dataclass
class Bench:
    """`size` is megabytes of documents; `directory` is emptied at the end; `backups` is how many the lists have.

    A context manager, which ends the servers.
    """

    size: float
    runs: int
    directory: Path
    backups: int = 1_000_000
    _servers: dict[float, Server] = field(default_factory=dict)
    _running: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def instance(self, size: float) -> Server:
        """The running server of an instance with so many megabytes of documents; made when first asked for."""
        if size not in self._servers:
            server = self._running.enter_context(Server(self.directory / f"instance-{size:g}"))
            with server.client() as client:
                data.fill(client, size)
            # The first cut writes to the disk what the server still has in memory alone.
            back_up(server, self.empty("first-cut"))
            self._servers[size] = server
        return self._servers[size]

    def copy(self, server: Server) -> Path:
        """The directory of a copy of the files that a backup has, for programs that know of no open server."""
        home = self.empty("copy")
        back_up(server, home)
        return home / "data"

    def empty(self, name: str) -> Path:
        """An empty directory of that name, whatever was in it before, with nothing left to be written to the disk."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        subprocess.run(["sync", "-f", str(path)], check=True)
        return path

    def backup(self, server: Server, place: str = "") -> dict[str, Any]:
        """One backup in a process of its own, into "ours" or the place; what backup_once prints."""
        target = self.empty("ours")
        return _printed("backup_once", server.home, server.port, place or target / "backups")

    def restore(self, place: str | Path, name: str) -> dict[str, Any]:
        """One restore in a process of its own; what restore_once prints."""
        return _printed("restore_once", place, name, self.empty("unpacked") / "data.restoring")


def _printed(module: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)]
    facts: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return facts


def size_of(directory: Path) -> int:
    """The bytes of all files in the directory."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
