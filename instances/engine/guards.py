"""Guards around nx-27017's handler, so that a write that was acknowledged is on disk and stays there.

As shipped it can acknowledge writes that a crash takes back (synchronous=NORMAL or OFF by write concern, open
transactions), that an error takes back (SQLite gives up a transaction when the disk is full), or that were never
made. Here every writing command is one transaction of its database, synced before the reply is made, and the
reply is an error whenever that transaction is not what was committed.
"""

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neosqlite import Connection  # type: ignore[import-untyped]

# The same SQLite as neosqlite's: a second copy in one process would drop the first one's locks on the files.
from neosqlite._sqlite import sqlite3 as sqlite3  # type: ignore[import-untyped]
from neosqlite.connection import _is_internal_collection_name  # type: ignore[import-untyped]
from nx_27017 import handler as nx  # type: ignore[import-untyped]

from instances.engine.documents import COLUMNS, correct_neosqlite
from instances.engine.wire import Document

BUSY_SECONDS = 10.0
_WAL_BYTES = 64 * 1024 * 1024
_DATABASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_COLLECTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,119}")


class CommandError(Exception):
    """A command is refused or failed; `code` and `name` are MongoDB's."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name

    def reply(self) -> Document:
        return {"ok": 0.0, "errmsg": str(self), "code": self.code, "codeName": self.name}


class GuardedConnection(Connection):  # type: ignore[misc]
    """neosqlite's connection to one database file, always with full durability."""

    def _configure_connection(self) -> None:
        super()._configure_connection()
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute(f"PRAGMA journal_size_limit={_WAL_BYTES}")

    def _apply_write_concern(self, write_concern: Any) -> None:
        """A write concern can ask for less durability than this server gives, and does not get it."""

    def _check_and_migrate_autovacuum(self, *args: Any, **kwargs: Any) -> None:
        """Never: the migration swaps the file under everybody else who has it open, a backup for one."""

    def __getitem__(self, name: str) -> Any:
        """The collection of this name. Unlike neosqlite's, it is not made by being looked at."""
        return self.get_collection(name)

    def has_collection(self, name: str) -> bool:
        found = self.db.execute("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?", (name,))
        return found.fetchone() is not None

    def collection(self, name: str) -> Any:
        """The collection of this name, made if it is not there.

        Raises CommandError if SQLite, where names do not differ by case and some are reserved, cannot hold it.
        """
        if self.has_collection(name):
            return self[name]
        taken = self.db.execute("SELECT name FROM sqlite_master WHERE name = ? COLLATE NOCASE", (name,))
        if (row := taken.fetchone()) is not None:
            raise CommandError(48, "NamespaceExists", f"The name {name} is too like {row[0]}, which exists")
        try:
            self.db.execute(f"CREATE TABLE {name} {COLUMNS}")
        except sqlite3.OperationalError as error:
            if "syntax error" not in str(error):
                raise
            raise CommandError(73, "InvalidNamespace", f"The name {name} is a reserved word") from error
        # Not IF NOT EXISTS: a name already taken by another collection's index must not go unnoticed.
        self.db.execute(f"CREATE UNIQUE INDEX idx_{name}_id ON {name}(_id)")
        return self[name]

    def close(self) -> None:
        """Close the file. What was not committed was not acknowledged either, so it is rolled back."""
        if not self._closed and self.db.in_transaction:
            self.db.rollback()
        super().close()


class ReadingConnection(GuardedConnection):
    """The same for commands that read, which then cannot write, as neosqlite does in some pipelines.

    Unlike neosqlite's, opening it does not wait for those that write.
    """

    def _configure_connection(self) -> None:
        self.db.isolation_level = None
        self.db.execute("PRAGMA query_only=ON")
        self._register_custom_functions()


class GuardedHandler(nx.NeoSQLiteHandler):  # type: ignore[misc]
    """nx-27017's handler of one data directory: its databases, their connections, locks and transactions.

    A database has two connections, one for the commands that write and one for those that read, each used by
    one command at a time: a long query keeps nobody from writing. Locks are taken in this order: writing,
    reading, the handler's own.
    """

    def __init__(self, data_dir: Path) -> None:
        correct_neosqlite()
        self._readers: dict[str, ReadingConnection] = {}
        self._reading_locks: dict[str, Any] = {}
        super().__init__(data_dir=str(data_dir), journal_mode="WAL")

    @contextlib.contextmanager
    def transaction(self, database: str) -> Iterator[GuardedConnection]:
        """All that is written inside is committed and synced when this ends well, else none of it.

        Raises sqlite3.Error if SQLite gave up the transaction meanwhile, as it does when the disk is full: what
        was written after that is not what was asked for.
        """
        with self._writing(database), settled(self.get_database(database)) as connection:
            connection.db.execute("BEGIN IMMEDIATE")
            yield connection
            connection.db.execute("COMMIT")

    @contextlib.contextmanager
    def reading(self, database: str) -> Iterator[GuardedConnection | None]:
        """A connection that sees all that has been committed; None if there is no such database."""
        _check_database_name(database)
        with self._reading(database):
            if not Path(self._db_file(database)).exists():
                yield None
                return
            with settled(self._reader(database)) as connection:
                yield connection

    def drop_database(self, database: str) -> None:
        """Remove a database's files. Raises OSError if one of them stays."""
        with self._writing(database), self._reading(database):
            with self._dict_lock:
                open_ones = [self._conns.pop(database, None), self._readers.pop(database, None)]
            for connection in filter(None, open_ones):
                connection.close()
            # The database first: a crash in between leaves a log without a database, which SQLite throws away,
            # never a database without the log that holds its last writes. A log does not go by itself when
            # somebody else, a backup, has the file open, and the next database of the name would find it.
            for suffix in ("", "-wal", "-shm"):
                Path(self._db_file(database) + suffix).unlink(missing_ok=True)
            descriptor = os.open(self.db_path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def interrupt(self) -> None:
        """Make the statements that run now fail."""
        with self._dict_lock:
            for connection in (*self._conns.values(), *self._readers.values()):
                connection.db.interrupt()

    def close(self, seconds: float) -> bool:
        """Close all files, which writes the logs back into them; False if a command did not end in time."""
        deadline = time.monotonic() + seconds
        locks = [self._lock_for(database) for database in list(self._conns)]
        for lock in (*locks, *(self._reading(database) for database in list(self._readers))):
            if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                return False
        # An interrupt holds until the next statement, and would keep the log from being written back.
        for connection in self._conns.values():
            connection.db.execute("SELECT 1")
        while self._readers:
            self._readers.popitem()[1].close()
        self.close_all()
        return True

    def _writing(self, database: str) -> contextlib.AbstractContextManager[Any]:
        _check_database_name(database)
        lock: contextlib.AbstractContextManager[Any] = self._lock_for(database)
        return lock

    def _reading(self, database: str) -> Any:
        return self._reading_locks.setdefault(database, threading.RLock())

    def _reader(self, database: str) -> ReadingConnection:
        connection = self._readers.get(database)
        if connection is None:
            connection = ReadingConnection(self._db_file(database), check_same_thread=False, timeout=BUSY_SECONDS)
            with self._dict_lock:
                self._readers[database] = connection
                self._close_idle(self._readers, self._reading_locks)
        return connection

    def get_database(self, db_name: str) -> GuardedConnection:
        """The connection to write with; the caller has the lock for writing."""
        connection: GuardedConnection | None = self._conns.get(db_name)
        if connection is None:
            # Opening waits for a lock held outside. The others must not, so not with the handler's lock.
            connection = self._open_db_conn(db_name)
            with self._dict_lock:
                self._conns[db_name] = connection
                self._close_idle(self._conns, self._locks)
        return connection

    def _open_db_conn(self, db_name: str) -> GuardedConnection:
        return GuardedConnection(self._db_file(db_name), check_same_thread=False, timeout=BUSY_SECONDS)

    def _close_idle(self, connections: dict[str, Any], locks: Mapping[str, Any]) -> None:
        """Close connections opened longest ago while there are too many, but none that a command is using."""
        for database in list(connections)[:-1]:
            if len(connections) <= nx._MAX_OPEN_DBS:
                return
            lock = locks.get(database)
            if database == "admin" or lock is None or not lock.acquire(blocking=False):
                continue
            try:
                connections.pop(database).close()
            finally:
                lock.release()


@contextlib.contextmanager
def settled(connection: GuardedConnection) -> Iterator[GuardedConnection]:
    """Roll back what is still open at the end: no command leaves a transaction to the next one."""
    try:
        yield connection
    finally:
        if connection.db.in_transaction:
            connection.db.rollback()


def database_names(directory: Path) -> list[str]:
    """The names of the databases there are files of."""
    names = (file.stem for file in directory.glob("*.db"))
    return sorted(name for name in names if _DATABASE_NAME.fullmatch(name))


def _check_database_name(name: str) -> None:
    if not _DATABASE_NAME.fullmatch(name):
        raise CommandError(73, "InvalidNamespace", f"Invalid database name: {name!r}")


def visible_collections(db: Any) -> list[str]:
    """The names of the collections in an open database, without neosqlite's own tables."""
    rows = db.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name").fetchall()
    return [name for (name,) in rows if not _is_internal_collection_name(name)]


def count_all(db: Any, collection: str) -> int:
    """The number of documents of a collection, by the smallest of its indexes."""
    found: int = db.execute(f"SELECT COUNT(*) FROM {collection}").fetchone()[0]  # noqa: S608 - see collection_name()
    return found


def collection_name(value: Any) -> str:
    """`value` as the name of a collection. Raises CommandError for what the engine cannot store safely.

    Names ending in _files and _chunks are taken for GridFS by neosqlite, which then acknowledges updates it
    does not make; its own tables and those of its text indexes are not for clients.
    """
    if not isinstance(value, str) or not _COLLECTION_NAME.fullmatch(value):
        raise CommandError(
            73,
            "InvalidNamespace",
            "A collection name starts with a letter or underscore, followed by letters, digits and underscores",
        )
    if _is_internal_collection_name(value) or value.lower().endswith(("_files", "_chunks")):
        raise CommandError(73, "InvalidNamespace", "This collection name is reserved by the engine")
    return value
