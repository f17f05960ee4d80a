"""Shared by all groups of rows: options, instances, and the measurement of one backup or restore."""

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
    """`size` is in megabytes of documents; `directory` is emptied at the end; `backups` is for the lists.

    As a context manager, it stops the servers at the end.
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
        """Return the running server of an instance with that many megabytes of documents; create it if needed."""
        if size not in self._servers:
            server = self._running.enter_context(Server(self.directory / f"instance-{size:g}"))
            with server.client() as client:
                data.fill(client, size)
            # The first cut makes the server write its memory to disk.
            back_up(server, self.empty("first-cut"))
            self._servers[size] = server
        return self._servers[size]

    def copy(self, server: Server) -> Path:
        """Copy the files that a backup contains; return the copy, for programs that cannot read a live server."""
        home = self.empty("copy")
        back_up(server, home)
        return home / "data"

    def empty(self, name: str) -> Path:
        """Empty and return the directory of that name, with all pending writes flushed to disk."""
        path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        subprocess.run(["sync", "-f", str(path)], check=True)
        return path

    def backup(self, server: Server, place: str = "") -> dict[str, Any]:
        """Make one backup in its own process, into "ours" or the place; return the output of backup_once."""
        target = self.empty("ours")
        return _printed("backup_once", server.home, server.port, place or target / "backups")

    def restore(self, place: str | Path, name: str) -> dict[str, Any]:
        """Make one restore in its own process; return the output of restore_once."""
        return _printed("restore_once", place, name, self.empty("unpacked") / "data.restoring")


def _printed(module: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)]
    facts: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return facts


def size_of(directory: Path) -> int:
    """Return the bytes of all files in the directory."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
