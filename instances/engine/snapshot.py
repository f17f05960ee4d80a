"""A consistent physical copy of an instance's databases, taken while clients write to them.

`cut` finds the moment; then SQLite's online backup copies each file, page by page, as it was at the cut, while
clients go on writing.
"""

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from instances.engine.checks import count_documents
from instances.engine.cut import DAMAGED, SUFFIX, SnapshotError, Source, database_files, result_code, take_cut
from instances.engine.throttle import Throttle

__all__ = [
    "CollectionCount",
    "DatabaseCopy",
    "Progress",
    "Snapshot",
    "SnapshotError",
    "snapshot",
    "space_needed",
]

_PAGES_AT_ONCE = 2048
_COPIERS = 2
_REPORT_EVERY = 0.1

_NOT_WRITTEN = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}


@dataclass(frozen=True)
class Progress:
    """Bytes copied so far and in all, over all databases; 0 of 0 until the cut."""

    done: int
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


def snapshot(data_dir: Path, staging: Path, *, progress: Callable[[Progress], None], rate: int = 0) -> Snapshot:
    """Copy the databases in `data_dir` as they are at one moment into files of the new directory `staging`.

    Whether the copies are sound is for Checks to tell, while they are read for something else. `progress` is called
    in this thread, about ten times a second, and may raise to give up. Raises SnapshotError, or what `progress`
    raised; then `staging` does not exist any more. `rate`, if not 0, is how many bytes are copied per second at most:
    writers wait for the moment alone, never for the copying. Files that are not named like a database are not the
    engine's and stay out.
    """
    _make_directory(staging)
    try:
        _require_space(staging, space_needed(data_dir))
        with contextlib.ExitStack() as readers:
            cut = take_cut(data_dir, readers, lambda: progress(Progress(0, 0)))
            copies = _copy_all(cut.sources, staging, progress, Throttle(rate))
        return Snapshot(copies, cut.at, cut.pause_seconds)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def space_needed(data_dir: Path) -> int:
    """Bytes that copies of all database files can take at most, their journals merged in."""
    return sum(_size(path) + _size(path.with_name(f"{path.name}-wal")) for path in database_files(data_dir))


# --- The copies ------------------------------------------------------------------------------------------------


class _Stopped(Exception):
    """The work was told to stop."""


def _copy_all(
    sources: list[Source], staging: Path, progress: Callable[[Progress], None], throttle: Throttle
) -> tuple[DatabaseCopy, ...]:
    """Copy the databases, two at a time, the largest first; so that both processors have work."""
    left = {source.name: source.pages * source.page_size for source in sources}
    total = sum(left.values())
    stop = threading.Event()

    def copy(source: Source) -> DatabaseCopy:
        def step(_status: int, remaining: int, _pages: int) -> None:
            copied, left[source.name] = left[source.name] - remaining * source.page_size, remaining * source.page_size
            if stop.wait(throttle.delay(copied)):
                raise _Stopped

        pages = max(1, throttle.at_once(_PAGES_AT_ONCE * source.page_size) // source.page_size)
        return _copy(source, staging, pages, step)

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


def _copy(source: Source, staging: Path, pages: int, step: Callable[[int, int, int], None]) -> DatabaseCopy:
    path = staging / f"{source.name}{SUFFIX}"
    try:
        path.touch(mode=0o600, exist_ok=False)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target:
            # The copy lives as long as the backup does: nothing has to survive a crash.
            target.execute("PRAGMA journal_mode=OFF")
            target.execute("PRAGMA synchronous=OFF")
            source.reader.backup(target, pages=pages, progress=step)
    except (sqlite3.Error, OSError) as error:
        raise _copy_failed(source.name, staging, error) from error
    # Without this reader the server can reuse its journal again.
    source.reader.close()
    size = source.pages * source.page_size
    if _size(path) != size:
        raise SnapshotError(
            "The copy of database %(name)s has %(found)d bytes instead of %(size)d.",
            name=source.name,
            found=_size(path),
            size=size,
        )
    collections = tuple(CollectionCount(name, documents) for name, documents in count_documents(path).items())
    return DatabaseCopy(source.name, path, source.pages, source.page_size, size, collections)


def _copy_failed(name: str, staging: Path, error: sqlite3.Error | OSError) -> SnapshotError:
    if isinstance(error, sqlite3.Error) and result_code(error) in DAMAGED:
        return SnapshotError("Database %(name)s is damaged: %(error)s.", name=name, error=error)
    if isinstance(error, OSError) or result_code(error) in _NOT_WRITTEN:
        return SnapshotError(
            "Database %(name)s could not be copied to %(path)s (%(error)s). "
            "%(free)s are free there; make room, or check the disk, and try again.",
            name=name,
            path=staging,
            error=error,
            free=_human(shutil.disk_usage(staging).free),
        )
    return SnapshotError("Database %(name)s could not be copied: %(error)s.", name=name, error=error)


# --- Files and errors ------------------------------------------------------------------------------------------


def _make_directory(staging: Path) -> None:
    try:
        staging.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        staging.mkdir(mode=0o700)
    except OSError as error:
        raise SnapshotError(
            "The staging directory %(path)s could not be made: %(error)s.", path=staging, error=error.strerror
        ) from error


def _require_space(staging: Path, needed: int) -> None:
    free = shutil.disk_usage(staging).free
    if free < needed:
        raise SnapshotError(
            "The copy of the databases needs %(needed)s in %(path)s, but only %(free)s are free.",
            needed=_human(needed),
            path=staging,
            free=_human(free),
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
