"""Looking at databases that came out of an archive, of which nothing is taken on trust."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from instances.engine.client import Connection
from instances.engine.cut import sqlite_uri
from instances.engine.reason import Reason

_CHECKERS = 2
_REPORT_EVERY = 0.1
# SQLite calls back after so many of its steps: often enough to stop at once, too seldom to cost anything.
_STEPS = 100_000
_FLAGS_OF_JSON_EXTRACT = "SELECT DISTINCT flags FROM pragma_function_list WHERE name = 'json_extract'"
_SQLITE_INNOCUOUS = 0x200000
# Counting a collection reads an index of it, which takes its time with very many documents.
_COUNT_SECONDS = 600.0


class Damaged(Reason):
    """A database file is not one, or is not whole; the message is a sentence."""


@dataclass(frozen=True)
class Count:
    database: str
    collection: str
    documents: int


class Inspection:
    """SQLite's quick_check of database files, in threads of its own, each from when it is added.

    A context manager: leaving it interrupts what has not been checked by then. No server may have the files open.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_CHECKERS, thread_name_prefix="inspection")
        self._waiting: set[Future[None]] = set()
        self._left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._left = True
        self._pool.shutdown(cancel_futures=True)

    def add(self, path: Path) -> None:
        self._waiting.add(self._pool.submit(self._check, path))

    def finish(self, report: Callable[[], None]) -> None:
        """Return when all files have passed; raise Damaged when one has not.

        `report` is called from time to time in this thread, and may raise to give up.
        """
        while self._waiting:
            report()
            done, self._waiting = wait(self._waiting, timeout=_REPORT_EVERY, return_when=FIRST_EXCEPTION)
            for one in done:
                one.result()

    def _check(self, path: Path) -> None:
        try:
            with contextlib.closing(
                sqlite3.connect(sqlite_uri(path, "mode=ro&immutable=1"), uri=True, isolation_level=None)
            ) as connection:
                _distrust(connection)
                connection.set_progress_handler(lambda: self._left, _STEPS)
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            raise _damaged(path, error) from error
        if found != "ok":
            raise _damaged(path, found)


def _distrust(connection: sqlite3.Connection) -> None:
    """Let the schema, which a stranger may have written, call harmless functions only.

    From 3.38 to 3.40 SQLite does not count its own JSON functions as harmless, which the engine's indexes need. There
    the schema is trusted: no function with an effect is registered here that it could call.
    """
    [flags] = {row[0] for row in connection.execute(_FLAGS_OF_JSON_EXTRACT)}
    if flags & _SQLITE_INNOCUOUS:
        connection.execute("PRAGMA trusted_schema=OFF")


def _damaged(path: Path, why: object) -> Damaged:
    return Damaged("Database %(name)s in the archive is damaged: %(why)s.", name=path.stem, why=why)


def count_documents(port: int) -> Iterator[Count]:
    """Ask the server on this port how many documents each of its collections has. Raises EngineError."""
    with Connection(port, timeout=_COUNT_SECONDS) as connection:
        for database in connection.command({"listDatabases": 1, "nameOnly": True})["databases"]:
            name = database["name"]
            listed = connection.command({"listCollections": 1, "nameOnly": True}, database=name)
            for collection in listed["cursor"]["firstBatch"]:
                counted = connection.command({"count": collection["name"]}, database=name)
                yield Count(name, collection["name"], counted["n"])
