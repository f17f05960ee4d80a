"""The cut of a snapshot: one moment of all databases of an instance, held by read transactions.

The engine keeps each database in one SQLite file in WAL mode. For a moment all of them are locked against writers
and a read transaction is opened on each; then writers go on, and the readers keep seeing that moment.

Live files are opened by SQLite alone: when any other file object of a live file is closed, the process loses the
locks that SQLite holds on it. So a data directory is snapshotted by one thread of a process at a time.
"""

import contextlib
import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from instances.engine.reason import Reason

DATABASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SUFFIX = ".db"

# How long one attempt at the cut may hold writers up, in seconds, while it waits for a lock that a client's long
# write keeps. The last attempts wait longer: a slower write is better than no backup.
_PATIENCE = (0.2,) * 20 + (1.0,) * 4
_REST = 0.1  # times the number of the attempt, in seconds
_POLL = 0.0005

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


class SnapshotError(Reason):
    """Why there is no snapshot, as a sentence for people."""


@dataclass(frozen=True)
class Source:
    """A database at the cut: `reader` is in the read transaction that shows it."""

    name: str
    reader: sqlite3.Connection
    pages: int
    page_size: int


@dataclass(frozen=True)
class Cut:
    sources: list[Source]
    at: datetime
    pause_seconds: float


class _NotNow(Reason):
    """Why this attempt at the cut failed; another may succeed."""


def take_cut(data_dir: Path, held: contextlib.ExitStack, attempting: Callable[[], None]) -> Cut:
    """Take the cut; its readers are closed with `held`.

    `attempting` is called before each attempt and may raise to give up. Raises SnapshotError after half a minute
    of attempts.
    """
    reason: object = ""
    for attempt, patience in enumerate(_PATIENCE):
        time.sleep(_REST * min(attempt, 10))
        attempting()
        with contextlib.ExitStack() as opened:
            try:
                cut = _try_cut(data_dir, opened, patience)
            except _NotNow as error:
                reason = error
            else:
                held.enter_context(opened.pop_all())
                return cut
    raise SnapshotError("The databases could not be brought to a standstill for a moment: %(reason)s.", reason=reason)


def _try_cut(data_dir: Path, opened: contextlib.ExitStack, patience: float) -> Cut:
    files = database_files(data_dir)
    readers: dict[Path, sqlite3.Connection] = {}
    with contextlib.ExitStack() as locks:
        # Opening can be slow (a journal is recovered, the schema read), so all of it is done before any lock.
        writers: dict[Path, sqlite3.Connection] = {}
        for path in files:
            with _explained(path, data_dir, files):
                writers[path] = _open_live(path, "rw", locks)
                readers[path] = _open_live(path, "ro", opened)
        started = time.monotonic()
        for path, writer in writers.items():
            with _explained(path, data_dir, files):
                _lock(writer, until=started + patience)
        if database_files(data_dir) != files:
            raise _NotNow("databases were being created or dropped")
        for path, reader in readers.items():
            with _explained(path, data_dir, files):
                reader.execute("BEGIN")
                _read(reader)
        at = datetime.now(UTC)
        for writer in writers.values():
            writer.execute("ROLLBACK")
        pause = time.monotonic() - started
    sources = []
    for path, reader in readers.items():
        with _explained(path, data_dir, files):
            pages = int(reader.execute("PRAGMA page_count").fetchone()[0])
            page_size = int(reader.execute("PRAGMA page_size").fetchone()[0])
        sources.append(Source(path.stem, reader, pages, page_size))
    return Cut(sources, at, pause)


def _open_live(path: Path, mode: str, opened: contextlib.ExitStack) -> sqlite3.Connection:
    connection = sqlite3.connect(
        sqlite_uri(path, f"mode={mode}"), uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
    opened.callback(connection.close)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    _read(connection)
    # In another mode a reader would stop the writers for as long as the copy takes.
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        raise _NotNow("database %(name)s is not in WAL mode", name=path.stem)
    return connection


def _read(connection: sqlite3.Connection) -> None:
    """Read something, which is what makes SQLite open the file or begin the transaction."""
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _lock(writer: sqlite3.Connection, *, until: float) -> None:
    """Take the write lock. SQLite's own busy handler sleeps too long between tries to be quick under load."""
    while True:
        try:
            writer.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if result_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_POLL)


@contextlib.contextmanager
def _explained(path: Path, data_dir: Path, files: dict[Path, int]) -> Iterator[None]:
    """Turn SQLite's error on a live database into one about this attempt, or about a database that is damaged."""
    try:
        yield
    except sqlite3.Error as error:
        if result_code(error) in _BUSY:
            raise _NotNow(
                "a long operation runs on database %(name)s (%(error)s)", name=path.stem, error=error
            ) from error
        if database_files(data_dir) != files:
            raise _NotNow("databases were being created or dropped") from error
        if result_code(error) in DAMAGED:
            raise SnapshotError("Database %(name)s is damaged: %(error)s.", name=path.stem, error=error) from error
        raise SnapshotError("Database %(name)s could not be read: %(error)s.", name=path.stem, error=error) from error


def database_files(data_dir: Path) -> dict[Path, int]:
    """The database files, by name, each with its inode. A file that is still empty is not a database yet."""
    files = {}
    try:
        for path in sorted(data_dir.iterdir()):
            if path.suffix != SUFFIX or not DATABASE_NAME.fullmatch(path.stem):
                continue
            with contextlib.suppress(FileNotFoundError):
                facts = path.lstat()
                if stat.S_ISREG(facts.st_mode) and facts.st_size:
                    files[path] = facts.st_ino
    except OSError as error:
        raise SnapshotError("The data directory could not be read: %(error)s.", error=error.strerror) from error
    return files


def sqlite_uri(path: Path, options: str) -> str:
    return f"file:{quote(os.fsencode(path.absolute()))}?{options}"


def result_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error that the Python module raised by itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
