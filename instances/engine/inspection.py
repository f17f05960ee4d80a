"""Looking at databases that came out of an archive, of which nothing is taken on trust."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from instances.engine.client import Connection
from instances.engine.cut import SUFFIX, sqlite_uri

_CHECKERS = 2
_REPORT_EVERY = 0.1
# SQLite calls back after so many of its steps: often enough to stop at once, too seldom to cost anything.
_STEPS = 100_000
# Counting a collection reads an index of it, which takes its time with very many documents.
_COUNT_SECONDS = 600.0


class Damaged(Exception):
    """A database file is not one, or is not whole; the message is a sentence."""


@dataclass(frozen=True)
class Count:
    database: str
    collection: str
    documents: int


def check_databases(directory: Path, report: Callable[[], None]) -> None:
    """Raise Damaged unless every database file in the directory passes quick_check; no server may have them open.

    `report` is called from time to time in this thread, and may raise to give up.
    """
    paths = sorted(directory.glob(f"*{SUFFIX}"), key=lambda path: -path.stat().st_size)
    given_up = False

    def check(path: Path) -> None:
        try:
            with contextlib.closing(
                sqlite3.connect(sqlite_uri(path, "mode=ro&immutable=1"), uri=True, isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA trusted_schema=OFF")
                connection.set_progress_handler(lambda: given_up, _STEPS)
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            raise _damaged(path, error) from error
        if found != "ok":
            raise _damaged(path, found)

    with ThreadPoolExecutor(_CHECKERS, thread_name_prefix="check") as pool:
        checks = [pool.submit(check, path) for path in paths]
        try:
            waiting = set(checks)
            while waiting:
                report()
                done, waiting = wait(waiting, timeout=_REPORT_EVERY, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result()
        except BaseException:
            given_up = True
            pool.shutdown(cancel_futures=True)
            raise


def _damaged(path: Path, why: object) -> Damaged:
    return Damaged(_("Database %(name)s in the archive is damaged: %(why)s.") % {"name": path.stem, "why": why})


def count_documents(port: int) -> Iterator[Count]:
    """Ask the server on this port how many documents each of its collections has. Raises EngineError."""
    with Connection(port, timeout=_COUNT_SECONDS) as connection:
        for database in connection.command({"listDatabases": 1, "nameOnly": True})["databases"]:
            name = database["name"]
            listed = connection.command({"listCollections": 1, "nameOnly": True}, database=name)
            for collection in listed["cursor"]["firstBatch"]:
                counted = connection.command({"count": collection["name"]}, database=name)
                yield Count(name, collection["name"], counted["n"])
