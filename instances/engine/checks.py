"""What is found in database files that no server has open: whether they are sound, and what they hold."""

import re
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from instances.engine.cut import SnapshotError, sqlite_uri

# The tables that SQLite and the engine keep for themselves, which no client sees as collections. The first dot is the
# wildcard that the underscore is in the engine's own LIKE 'sqlite_%'.
_INTERNAL = re.compile(r"(?i:sqlite.)|_?neosqlite_|__command_results__\Z|.*_fts(?:_|\Z)", re.DOTALL)


def check(path: Path) -> None:
    """Raise SnapshotError unless the file passes SQLite's quick_check."""
    with Checks([path]) as checks:
        checks.wait()


def count_documents(path: Path) -> dict[str, int]:
    """How many documents each collection has, sorted by the collection's name."""
    with closing(_open(path)) as database:
        tables = _ask(database, path, "SELECT name FROM sqlite_master WHERE type = 'table'")
        collections = sorted(table for (table,) in tables if not _INTERNAL.match(table))
        counts = {}
        for collection in collections:
            identifier = collection.replace('"', '""')
            query = f'SELECT count(*) FROM "{identifier}"'  # noqa: S608 - an identifier cannot be a parameter
            counts[collection] = int(_ask(database, path, query)[0][0])
    return counts


class Checks:
    """SQLite's quick_check of files, one after the other, in a thread of its own from the beginning of the `with`.

    Leaving the `with` block interrupts what has not been checked by then.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="check")
        self._lock = threading.Lock()
        self._running: sqlite3.Connection | None = None
        self._left = False

    def __enter__(self) -> Self:
        self._result = self._thread.submit(self._check_all)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._left = True
            if self._running:
                self._running.interrupt()
        self._thread.shutdown()

    def raise_if_failed(self) -> None:
        """Raise SnapshotError if a file has been found damaged so far."""
        if self._result.done():
            self._result.result()

    def wait(self) -> None:
        """Return when all files have passed; raise SnapshotError when one has not."""
        self._result.result()

    def _check_all(self) -> None:
        for path in self._paths:
            with closing(_open(path)) as database:
                if not self._begin(database):
                    return
                try:
                    found = _ask(database, path, "PRAGMA quick_check(1)")[0][0]
                finally:
                    with self._lock:
                        self._running = None
            if found != "ok":
                raise _damaged(path, found)

    def _begin(self, database: sqlite3.Connection) -> bool:
        with self._lock:
            self._running = database
            return not self._left


def _open(path: Path) -> sqlite3.Connection:
    """The file as nobody changes it: no locks, no journal."""
    return sqlite3.connect(
        sqlite_uri(path, "mode=ro&immutable=1"), uri=True, isolation_level=None, check_same_thread=False
    )


def _ask(database: sqlite3.Connection, path: Path, query: str) -> list[tuple[Any, ...]]:
    try:
        return database.execute(query).fetchall()
    except sqlite3.Error as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, found: object) -> SnapshotError:
    return SnapshotError(
        "The copy of database %(name)s is damaged, so the database may be: %(found)s.", name=path.stem, found=found
    )
