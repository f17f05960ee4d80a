"""A consistent physical copy of an instance's databases, taken while clients write to them.

`cut` finds the moment; then SQLite's online backup copies each file, page by page, as it was at the cut, while
clients go on writing.
"""

import contextlib
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from instances.engine.cut import (
    DAMAGED,
    DATABASE_NAME,
    SUFFIX,
    SnapshotError,
    Source,
    database_files,
    result_code,
    sqlite_uri,
    take_cut,
)

__all__ = [
    "DATABASE_NAME",
    "CollectionCount",
    "DatabaseCopy",
    "Progress",
    "Snapshot",
    "SnapshotError",
    "check",
    "snapshot",
    "space_needed",
]

# The tables that SQLite and the engine keep for themselves, which no client sees as collections. The first dot is the
# wildcard that the underscore is in the engine's own LIKE 'sqlite_%'.
_INTERNAL = re.compile(r"(?i:sqlite.)|_?neosqlite_|__command_results__\Z|.*_fts(?:_|\Z)", re.DOTALL)

_PAGES_AT_ONCE = 2048
_COPIERS = 2
_REPORT_EVERY = 0.1

_NOT_WRITTEN = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}


@dataclass(frozen=True)
class Progress:
    """Pages copied so far and in all, over all databases; 0 of 0 until the cut."""

    pages: int
    total: int


@dataclass(frozen=True)
class CollectionCount:
    name: str
    documents: int


@dataclass(frozen=True)
class DatabaseCopy:
    """One database's copied file: `bytes` is `pages * page_size`."""

    name: str
    path: Path
    pages: int
    page_size: int
    bytes: int
    collections: tuple[CollectionCount, ...]


@dataclass(frozen=True)
class Snapshot:
    """The copies, sorted by name; the moment (UTC) they all show; how long writers waited for it."""

    databases: tuple[DatabaseCopy, ...]
    cut_at: datetime
    pause_seconds: float


def snapshot(data_dir: Path, staging: Path, *, progress: Callable[[Progress], None]) -> Snapshot:
    """Copy the databases in `data_dir` as they are at one moment into files of the new directory `staging`.

    Each copy has passed check(). `progress` is called in this thread, about ten times a second, and may raise to give
    up. Raises SnapshotError, or what `progress` raised; then `staging` does not exist any more. Files that are not
    named like a database are not the engine's and stay out.
    """
    _make_directory(staging)
    try:
        _require_space(staging, space_needed(data_dir))
        with contextlib.ExitStack() as readers:
            cut = take_cut(data_dir, readers, lambda: progress(Progress(0, 0)))
            copies = _copy_all(cut.sources, staging, progress)
        return Snapshot(copies, cut.at, cut.pause_seconds)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def space_needed(data_dir: Path) -> int:
    """Bytes that copies of all database files can take at most, their journals merged in."""
    return sum(_size(path) + _size(path.with_name(f"{path.name}-wal")) for path in database_files(data_dir))


def check(path: Path) -> None:
    """Raise SnapshotError unless the database file passes SQLite's quick_check; no server may have it open."""
    _check(path, _Stop())


# --- The copies ------------------------------------------------------------------------------------------------


class _Stopped(Exception):
    """The work was told to stop."""


class _Stop:
    """Ends work in other threads: a copy between two steps, a check or a count in the middle of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[sqlite3.Connection] = set()
        self._set = False

    def set(self) -> None:
        with self._lock:
            self._set = True
            for connection in self._running:
                connection.interrupt()

    def raise_if_set(self) -> None:
        if self._set:
            raise _Stopped

    @contextlib.contextmanager
    def interrupting(self, connection: sqlite3.Connection) -> Iterator[None]:
        with self._lock:
            self.raise_if_set()
            self._running.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._running.remove(connection)


def _copy_all(sources: list[Source], staging: Path, progress: Callable[[Progress], None]) -> tuple[DatabaseCopy, ...]:
    """Copy the databases, two at a time, the largest first; one is read while another is written or checked."""
    left = {source.name: source.pages for source in sources}
    total = sum(left.values())
    stop = _Stop()

    def copy(source: Source) -> DatabaseCopy:
        def step(_status: int, remaining: int, _pages: int) -> None:
            stop.raise_if_set()
            left[source.name] = remaining

        return _copy(source, staging, step, stop)

    with ThreadPoolExecutor(_COPIERS, thread_name_prefix="snapshot") as copiers:
        copying = [copiers.submit(copy, source) for source in sorted(sources, key=lambda source: -source.pages)]
        try:
            waiting = set(copying)
            while waiting:
                progress(Progress(total - sum(left.values()), total))
                done, waiting = wait(waiting, timeout=_REPORT_EVERY, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result()
            progress(Progress(total, total))
        except BaseException:
            stop.set()
            copiers.shutdown(cancel_futures=True)
            raise
        copies = [one.result() for one in copying]
    return tuple(sorted(copies, key=lambda copy: copy.name))


def _copy(source: Source, staging: Path, step: Callable[[int, int, int], None], stop: _Stop) -> DatabaseCopy:
    path = staging / f"{source.name}{SUFFIX}"
    try:
        path.touch(mode=0o600, exist_ok=False)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target:
            # The copy lives as long as the backup does: nothing has to survive a crash.
            target.execute("PRAGMA journal_mode=OFF")
            target.execute("PRAGMA synchronous=OFF")
            source.reader.backup(target, pages=_PAGES_AT_ONCE, progress=step)
    except (sqlite3.Error, OSError) as error:
        raise _copy_failed(source.name, staging, error) from error
    # Without this reader the server can reuse its journal again.
    source.reader.close()
    _check(path, stop)
    size = source.pages * source.page_size
    if _size(path) != size:
        raise SnapshotError(f"The copy of database {source.name} has {_size(path)} bytes instead of {size}.")
    return DatabaseCopy(source.name, path, source.pages, source.page_size, size, _count(path, stop))


def _copy_failed(name: str, staging: Path, error: sqlite3.Error | OSError) -> SnapshotError:
    if isinstance(error, sqlite3.Error) and result_code(error) in DAMAGED:
        return SnapshotError(f"Database {name} is damaged: {error}.")
    if isinstance(error, OSError) or result_code(error) in _NOT_WRITTEN:
        return SnapshotError(
            f"Database {name} could not be copied to {staging} ({error}). "
            f"{_human(shutil.disk_usage(staging).free)} are free there; make room, or check the disk, and try again."
        )
    return SnapshotError(f"Database {name} could not be copied: {error}.")


def _check(path: Path, stop: _Stop) -> None:
    found = _ask(path, "PRAGMA quick_check(1)", stop)[0][0]
    if found != "ok":
        raise SnapshotError(f"The copy of database {path.stem} is damaged, so the database may be: {found}.")


def _count(path: Path, stop: _Stop) -> tuple[CollectionCount, ...]:
    tables = _ask(path, "SELECT name FROM sqlite_master WHERE type = 'table'", stop)
    collections = sorted(table for (table,) in tables if not _INTERNAL.match(table))
    counts = []
    for collection in collections:
        identifier = collection.replace('"', '""')
        query = f'SELECT count(*) FROM "{identifier}"'  # noqa: S608 - an identifier cannot be a parameter
        counts.append(CollectionCount(collection, _ask(path, query, stop)[0][0]))
    return tuple(counts)


def _ask(path: Path, query: str, stop: _Stop) -> list[tuple[Any, ...]]:
    """Run a query on a copied file, which nobody changes: no locks, no journal."""
    try:
        with (
            contextlib.closing(
                sqlite3.connect(sqlite_uri(path, "mode=ro&immutable=1"), uri=True, isolation_level=None)
            ) as connection,
            stop.interrupting(connection),
        ):
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        stop.raise_if_set()
        raise SnapshotError(f"The copy of database {path.stem} is damaged, so the database may be: {error}.") from error


# --- Files and errors ------------------------------------------------------------------------------------------


def _make_directory(staging: Path) -> None:
    try:
        staging.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        staging.mkdir(mode=0o700)
    except OSError as error:
        raise SnapshotError(f"The staging directory {staging} could not be made: {error.strerror}.") from error


def _require_space(staging: Path, needed: int) -> None:
    free = shutil.disk_usage(staging).free
    if free < needed:
        raise SnapshotError(
            f"The copy of the databases needs {_human(needed)} in {staging}, but only {_human(free)} are free."
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _human(size: int) -> str:
    value = float(size)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"
