"""How much an instance holds, found out without disturbing its clients."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from instances.engine.guards import count_all, database_names, sqlite3, visible_collections
from instances.engine.wire import Document

# Counting takes at most this part of the time, however large the databases are.
_SHARE = 1 / 50


@dataclass(frozen=True, slots=True)
class _Count:
    files: tuple[int, ...]
    collections: int
    documents: int
    again_at: float


class Counts:
    """The numbers of the databases in a directory. May be used from several threads.

    Read over connections of their own, so no command waits for them, nor they for a command.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def storage(self) -> Document:
        """How many databases, collections and documents there are.

        Documents are counted with count(*), which reads the smallest index (that of _id), and only when the
        files of a database have changed, for at most 2 % of the time: with very many documents the number may
        be some seconds old.
        """
        with self._lock:
            self._known = {name: self._count(name) for name in database_names(self._directory)}
            counts = [count for count in self._known.values() if count.collections]
        return {
            "databases": len(counts),
            "collections": sum(count.collections for count in counts),
            "documents": sum(count.documents for count in counts),
        }

    def sizes(self) -> dict[str, int]:
        """The databases that hold collections, with the bytes of their files."""
        return {
            name: sum(self._files(name)[1::3])
            for name in database_names(self._directory)
            if self._read(name, visible_collections)
        }

    def _count(self, database: str) -> _Count:
        # Before counting: a write during it changes the files again.
        files, started = self._files(database), time.monotonic()
        known = self._known.get(database)
        if known is not None and (known.files == files or started < known.again_at):
            return known
        documents = self._read(database, lambda db: [count_all(db, name) for name in visible_collections(db)])
        seconds = time.monotonic() - started
        return _Count(files, len(documents), sum(documents), started + seconds / _SHARE)

    def _read(self, database: str, read: Callable[[Any], list[Any]]) -> list[Any]:
        """What `read` finds in a database; nothing if it was dropped meanwhile or cannot be read."""
        file = f"file:{quote(str(self._directory / database))}.db?mode=rw"
        try:
            with contextlib.closing(sqlite3.connect(file, uri=True, timeout=1, isolation_level=None)) as db:
                db.execute("PRAGMA query_only=ON")
                return read(db)
        except sqlite3.Error:
            return []

    def _files(self, database: str) -> tuple[int, ...]:
        """Inode, size and time of change of the file and of its log: the same as long as nothing is written."""
        found: list[int] = []
        for suffix in (".db", ".db-wal"):
            with contextlib.suppress(FileNotFoundError):
                file = (self._directory / f"{database}{suffix}").stat()
                found += (file.st_ino, file.st_size, file.st_mtime_ns)
        return tuple(found)
