"""What an instance's server says about itself, sampled every few seconds."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from instances.engine import client


@dataclass(frozen=True, slots=True)
class Facts:
    """`compatible_version` is the MongoDB version drivers may expect; `connections` are those of clients.

    The server counts the documents itself, from an index and only when its files have changed, so with many
    millions of them the number may be some seconds old; see GuardedHandler.count_storage.
    """

    engine: str
    engine_version: str
    storage_engine: str
    compatible_version: str
    storage_bytes: int
    documents: int
    connections: int
    uptime_seconds: int


def facts(port: int, home: Path) -> Facts:
    """Ask the server on this port; `home` is its instance's. Raises EngineError.

    The database files are looked at but not opened: closing one would drop this process's locks on it.
    """
    status = client.command(port, {"serverStatus": 1, "storage": 1})
    return Facts(
        engine=status["engine"]["name"],
        engine_version=status["engine"]["version"],
        storage_engine=status["storageEngine"]["name"],
        compatible_version=".".join(status["version"].split(".")[:2]),
        storage_bytes=storage_bytes(home),
        documents=status["storage"]["documents"],
        # Without the one that asked.
        connections=status["connections"]["current"] - 1,
        uptime_seconds=status["uptime"],
    )


def storage_bytes(home: Path) -> int:
    """The bytes of an instance's database files and their logs."""
    total = 0
    for pattern in ("*.db", "*.db-wal"):
        for file in (home / "data").glob(pattern):
            with contextlib.suppress(FileNotFoundError):
                total += file.stat().st_size
    return total
