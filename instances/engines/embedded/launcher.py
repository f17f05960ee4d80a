"""The database server of one instance: SecantusDB on the WiredTiger files in HOME/data, as a process of its own.

    python -P launcher.py --home HOME --port N --parent-pid P [--replica-set NAME] [--bind ADDRESS] ...

This is the only module that imports SecantusDB, which is licensed under the GPL 2.0, and it imports nothing else of
the console's. It adds what a console needs of a server:

    console.openBackup     take a cut of all databases; returns the files to copy and how long writers waited
    console.backupContents wait up to `seconds` for the documents of the cut to be counted; returns whether they are
                           `counted`, and then their numbers by database and collection
    console.closeBackup    end the cut; fails if it has ended before, since then the copied files are worth nothing
    console.documents      the number of documents in all databases

Only the user in HOME/agent.json may call these; to everybody else they do not exist. The server ends by SIGTERM or
SIGINT within 10 seconds, with its parent, and when WiredTiger has panicked. When it cannot start or go on, it writes
one sentence to stderr and exits with 1.
"""

import argparse
import contextlib
import ctypes
import faulthandler
import fcntl
import json
import logging
import os
import resource
import shutil
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
import wiredtiger
from secantus import commands, server
from secantus.auth import derive_credentials
from secantus.connreg import ConnectionRegistry
from secantus.rbac import A_FSYNC
from secantus.storage import (
    _COLL_TABLE,
    _IDX_ENTRIES_TABLE,
    _IDX_TABLE,
    _NAT_SEQ_TABLE,
    _UNIQ_TABLE,
    Storage,
    TransactionTooLargeError,
    _doc_table_for,
    _is_wt_rollback,
    _retry_write_conflicts,
)

log = logging.getLogger("launcher")
wiredtiger_open = wiredtiger.wiredtiger_open

Document = dict[str, Any]

# The changes of collections and indexes that are under way.
_CHANGES = "table:secantus_console_changes"
# How many rows of such a change are one commit: they have to fit into the cache.
_STEP = 1000
# What a transaction has changed stays in the cache: with some more it would wait for room there for ever.
_TRANSACTION_ROWS = 20_000
# Says in a data directory that WiredTiger has opened it completely once.
_OPENED = "opened"
_SESSIONS = 2200
_CLIENTS = 1000
_LOCK_SECONDS = 15.0
_STOP_SECONDS = 9.5
_STOPPING = {signal.SIGTERM, signal.SIGINT}
# How often the server looks whether its parent is still there, should its end not have been told.
_LOOK_SECONDS = 1.0
_TTL_SECONDS = 60.0
# Less than this is no space: WiredTiger's log files are 10 MB.
_NO_SPACE = 16 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """Why the server does not start, as one sentence."""


class CannotBackUp(Exception):
    """Why there is no cut: the name of the reason, and one sentence."""


class Gate:
    """Lets transactions commit side by side, and a cut be taken while none does.

    A thread that holds the storage's lock passes a closed gate, since the cut waits for that lock as well.
    """

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._closed or self._lock._is_owned())
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def closed(self, seconds: float) -> Iterator[None]:
        """Keep transactions out, and whoever changes collections or indexes. Raises CannotBackUp after `seconds`."""
        deadline = time.monotonic() + seconds
        with self._changed:
            self._closed = True
        try:
            with self._changed:
                emptied = self._changed.wait_for(lambda: not self._inside, seconds)
            if not emptied or not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                raise CannotBackUp("ServerIsBusy", "The database server is busy, for example building an index.")
            try:
                yield
            finally:
                self._lock.release()
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()


class InSteps:
    """The cursor by which an index is built: commits a step of the rows at a time, in the session's transaction."""

    def __init__(self, cursor: Any, session: Any) -> None:
        self._cursor, self._session = cursor, session
        self._written = 0

    def reset(self) -> None:
        self._cursor.reset()

    def __setitem__(self, key: Any, value: bytes) -> None:
        self._cursor[key] = value
        self._written += 1
        if not self._written % _STEP:
            self._session.commit_transaction()
            self._session.begin_transaction()


class GuardedStorage(Storage):
    """SecantusDB's storage with a gate for its commits, and with changes of collections and indexes that become whole.

    By itself it commits such a change row by row. Killed in the middle it would leave an index without some of its
    entries, half of a dropped collection, or, of a renamed one, nothing. One transaction for all rows is no way: more
    rows than the cache holds never end. So a note of the change is kept until it is whole, and a server that finds one
    when it starts ends the change.
    """

    agent: Document

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.gate = Gate(self._lock)
        self._counted, self._count_after = 0, 0.0
        # Counting documents asks WiredTiger for statistics, which it keeps only if it is told to.
        self._conn.reconfigure("statistics=(all)")
        self._end_changes()

    @contextlib.contextmanager
    def _batch_transaction(self, *, sync: bool = False) -> Iterator[Any]:
        with self.gate.passing(), super()._batch_transaction(sync=sync) as session:
            self._tls.in_batch = True
            try:
                yield session
            finally:
                self._tls.in_batch = False

    def commit_user_transaction(self, *arguments: Any, **options: Any) -> int:
        with self.gate.passing():
            committed: int = super().commit_user_transaction(*arguments, **options)
        return committed

    def _emit_oplog(self, entries: list[Document], *arguments: Any, **options: Any) -> int:
        transaction = getattr(self._tls, "user_txn", None)
        if transaction is not None and len(transaction.oplog_entries) + len(entries) > _TRANSACTION_ROWS:
            raise TransactionTooLargeError(f"A transaction changes at most {_TRANSACTION_ROWS} documents")
        return int(super()._emit_oplog(entries, *arguments, **options))

    def _delete_keys(self, table: str, keys: list[Any]) -> None:
        if getattr(self._tls, "in_batch", False) or self._in_user_transaction():
            super()._delete_keys(table, keys)
            return
        for step in _steps(keys):
            with self._batch_transaction():
                super()._delete_keys(table, step)

    def _in_user_transaction(self) -> bool:
        return getattr(self._tls, "user_txn", None) is not None

    @contextlib.contextmanager
    def _noted(self, change: str, *names: str) -> Iterator[None]:
        """Keep a note while the change is made.

        A change that failed is not ended by the next start, since its client was told so and may have gone on writing.
        """
        if self._in_user_transaction():
            yield
            return
        session = self._conn.open_session()
        try:
            notes = session.open_cursor(_CHANGES)
            note = json.dumps([change, *names])
            notes[note] = ""
            try:
                yield
            except BaseException as error:
                # After a conflict with another client it is tried again at once.
                if not _is_wt_rollback(error):
                    del notes[note]
                raise
            del notes[note]
        finally:
            session.close()

    def _end_changes(self) -> None:
        session = self._conn.open_session()
        try:
            session.create(_CHANGES, "key_format=S,value_format=S")
            notes = session.open_cursor(_CHANGES)
            for note in [key for key, _ in notes]:
                change, *names = json.loads(note)
                log.warning("Ending a change that was cut off: %s", change)
                ends = {"create_index": self._forget_indexes, "drop_index": self._forget_indexes}
                ends.get(change, getattr(self, change))(*names)
                notes.set_key(note)
                notes.remove()
        finally:
            session.close()

    @_retry_write_conflicts
    def create_index(self, db: str, coll: str, name: str, *arguments: Any, **options: Any) -> bool:
        with self._coll_lock(db, coll), self._lock:
            if self._collect_prefix(_IDX_TABLE, (db, coll, name)):
                return bool(super().create_index(db, coll, name, *arguments, **options))
            with self._noted("create_index", db, coll, name):
                try:
                    with self._batch_transaction() as session:
                        self._tls.building = session
                        try:
                            return bool(super().create_index(db, coll, name, *arguments, **options))
                        finally:
                            self._tls.building = None
                except BaseException:
                    self._forget_indexes(db, coll, name)
                    raise

    def _cursor(self, table: str, *, overwrite: bool = True) -> Any:
        cursor = super()._cursor(table, overwrite=overwrite)
        building = getattr(self._tls, "building", None)
        return InSteps(cursor, building) if building and table == _IDX_ENTRIES_TABLE else cursor

    def _forget_indexes(self, *prefix: str) -> None:
        """Remove what is there of the indexes whose database, collection and name begin so."""
        for table in (_IDX_TABLE, _IDX_ENTRIES_TABLE, _UNIQ_TABLE):
            self._delete_keys(table, [key for key, _ in self._collect_prefix(table, prefix)])

    @_retry_write_conflicts
    def drop_index(self, db: str, coll: str, name: str) -> bool:
        with self._coll_lock(db, coll), self._lock, self._noted("drop_index", db, coll, name):
            return bool(super().drop_index(db, coll, name))

    @_retry_write_conflicts
    def drop_all_indexes(self, db: str, coll: str) -> int:
        with self._coll_lock(db, coll), self._lock, self._noted("drop_all_indexes", db, coll):
            return int(super().drop_all_indexes(db, coll))

    @_retry_write_conflicts
    def drop_collection(self, db: str, coll: str) -> bool:
        with self._coll_lock(db, coll), self._lock, self._noted("drop_collection", db, coll):
            return bool(super().drop_collection(db, coll))

    @_retry_write_conflicts
    def drop_database(self, db: str) -> None:
        with self._lock, self._noted("drop_database", db):
            super().drop_database(db)

    @_retry_write_conflicts
    def rename_collection(
        self, src_db: str, src_coll: str, dst_db: str, dst_coll: str, *, drop_target: bool = False
    ) -> tuple[bool, str | None]:
        source, target = (src_db, src_coll), (dst_db, dst_coll)
        first, second = (self._coll_lock(*names) for names in sorted((source, target)))
        with first, second, self._lock:
            self._refresh_read_snapshot()
            there = self._coll_options(*target) is not None
            if self._coll_options(*source) is None or source == target or (there and not drop_target):
                refused: tuple[bool, str | None] = super().rename_collection(*source, *target, drop_target=drop_target)
                return refused
            with self._noted("rename_collection", *source, *target):
                if there:
                    # The next start ends both, the drop first: it reads the notes in alphabetical order.
                    with self._noted("drop_collection", *target):
                        super().drop_collection(*target)
                self._move(source, target)
        return True, None

    def _move(self, source: tuple[str, str], target: tuple[str, str]) -> None:
        self._ensure_doc_shard(*target)
        tables = {table: table for table in (_NAT_SEQ_TABLE, _IDX_TABLE, _IDX_ENTRIES_TABLE, _UNIQ_TABLE)}
        for table, other in {_doc_table_for(*source): _doc_table_for(*target), **tables}.items():
            for step in _steps(self._collect_prefix(table, source)):
                with self._batch_transaction():
                    self._delete_keys(table, [key for key, _ in step])
                    rows = self._cursor(other)
                    for key, value in step:
                        rows[(*target, *key[2:])] = value
        with self._batch_transaction():
            uuid = self._collection_uuid(*source)
            ((key, options),) = self._collect_prefix(_COLL_TABLE, source)
            self._delete_keys(_COLL_TABLE, [key])
            self._cursor(_COLL_TABLE)[target] = options
            renamed = {"renameCollection": ".".join(source), "to": ".".join(target)}
            ui = bson.Binary(uuid.bytes, subtype=4)
            self._emit_oplog([{"op": "c", "ns": f"{source[0]}.$cmd", "ui": ui, "o": renamed}])

    def drop_user(self, db: str, username: str) -> bool:
        return not self._is_agent(db, username) and bool(super().drop_user(db, username))

    def list_users(self, db: str | None = None, *, skip: int = 0, limit: int = 100) -> list[Document]:
        users = super().list_users(db, skip=skip, limit=limit)
        return [user for user in users if not self._is_agent(user.get("db"), user.get("user"))]

    def _scan_user_records(self) -> list[Document]:
        records = super()._scan_user_records()
        return [record for record in records if not self._is_agent(record.get("db"), record.get("user"))]

    def _is_agent(self, db: object, username: object) -> bool:
        return (db, username) == ("admin", self.agent["user"])

    def make_user(self, user: str, credentials: Document) -> None:
        """Write the administrator of this name, whatever was there."""
        record = {
            "_id": f"admin.{user}",
            "user": user,
            "db": "admin",
            "credentials": credentials,
            "roles": [{"role": "root", "db": "admin"}],
            "mechanisms": list(credentials),
        }
        self.add_user("admin", user, record, replace=True)

    def documents(self) -> int:
        """The number of documents in all databases, as WiredTiger counts the entries of a table.

        Reads all of it, some 80 ms for a million documents, and so only during a hundredth of the time.
        """
        began = time.monotonic()
        if began >= self._count_after:
            self._counted = self._count_documents()
            ended = time.monotonic()
            self._count_after = ended + 100 * (ended - began)
        return self._counted

    def _count_documents(self) -> int:
        session = self._conn.open_session()
        try:
            cursor = session.open_cursor(f"statistics:{_NAT_SEQ_TABLE}", None, "statistics=(all,tree_walk)")
            cursor.set_key(wiredtiger.stat.dsrc.btree_entries)
            cursor.search()
            return int(cursor.get_value()[2])
        finally:
            session.close()


def _steps(rows: list[Any]) -> Iterator[list[Any]]:
    for first in range(0, len(rows), _STEP):
        yield rows[first : first + _STEP]


class Backup:
    """A cut: WiredTiger's backup cursor, and a snapshot of the same moment in which documents are counted.

    WiredTiger keeps every file of the cut as it is, up to the size that it has now, until the cursor is closed.
    """

    def __init__(self, storage: GuardedStorage, connection: int, seconds: float) -> None:
        self.connection = connection
        self._session = storage._conn.open_session()
        self._counting = storage._conn.open_session()
        self._stopped = threading.Event()
        try:
            # Most of the work, while writers go on.
            self._session.checkpoint()
            with storage.gate.closed(seconds):
                begun = time.monotonic()
                self._begin_snapshot()
                # Switches to a new log file: what was committed until now is in the ones that it names.
                self._cursor = self._session.open_cursor("backup:", None, None)
                self.moment = time.time()
                self.pause = time.monotonic() - begun
            names = []
            while self._cursor.next() == 0:
                names.append(self._cursor.get_key())
            home = Path(storage.home_path)
            self.files = [{"name": name, "size": (home / name).stat().st_size} for name in names]
        except BaseException:
            self._session.close()
            self._counting.close()
            raise
        self._contents: list[Document] | None = None
        self._failure: Exception | None = None
        self._counter = threading.Thread(target=self._count, name="count", daemon=True)
        self._counter.start()

    def _begin_snapshot(self) -> None:
        self._counting.begin_transaction("isolation=snapshot")
        # A snapshot is taken by the first read.
        cursor = self._counting.open_cursor(_COLL_TABLE)
        cursor.next()
        cursor.close()

    def contents(self, seconds: float) -> list[Document] | None:
        """Wait until everything is counted; None if it is not yet after `seconds`."""
        self._counter.join(seconds)
        if self._counter.is_alive():
            return None
        if self._contents is None:
            raise CannotBackUp("BackupNotCounted", "The documents could not be counted.") from self._failure
        return self._contents

    def close(self) -> None:
        """Let the files go. Takes as long as the count of one collection."""
        self._stopped.set()
        self._counter.join()
        self._session.close()

    def _count(self) -> None:
        try:
            self._contents = list(self._counted())
        except Exception as error:
            self._failure = error
        finally:
            self._counting.close()

    def _counted(self) -> Iterator[Document]:
        indexes: dict[tuple[str, str], list[str]] = {}
        for (db, coll, name), _value in _rows(self._counting, _IDX_TABLE):
            indexes.setdefault((db, coll), []).append(name)
        cursor = self._counting.open_cursor(_NAT_SEQ_TABLE)
        for (db, coll), options in _rows(self._counting, _COLL_TABLE):
            if self._stopped.is_set():
                return
            kind = "view" if "viewOn" in options else "timeseries" if "timeseries" in options else "collection"
            yield {
                "db": db,
                "name": coll,
                "type": kind,
                "documents": _entries(cursor, db, coll, self._stopped),
                "indexes": indexes.get((db, coll), []),
            }


def _rows(session: Any, table: str) -> Iterator[tuple[Any, Document]]:
    cursor = session.open_cursor(table)
    while cursor.next() == 0:
        value = bytes(cursor.get_value())
        yield tuple(cursor.get_key()), bson.decode(value) if value else {}
    cursor.close()


def _entries(cursor: Any, db: str, coll: str, stopped: threading.Event) -> int:
    """The number of a collection's entries in the table of documents."""
    cursor.reset()
    cursor.set_key(db, coll, b"")
    cursor.bound("bound=lower")
    # The first key behind all of this collection: no name contains a NUL.
    cursor.set_key(db, f"{coll}\x01", b"")
    cursor.bound("bound=upper,inclusive=false")
    count, step = 0, cursor.next
    while step() == 0:
        count += 1
        if not count % 10_000 and stopped.is_set():
            break
    cursor.reset()
    return count


class Backups:
    """The backup that is open, if one is: WiredTiger has one backup cursor."""

    def __init__(self, storage: GuardedStorage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._open: Backup | None = None

    @property
    def is_open(self) -> bool:
        return self._open is not None

    def open(self, request: Document, context: Any) -> Document:
        with self._lock:
            if self._open:
                raise CannotBackUp("BackupIsOpen", "Another backup of this instance is open.")
            self._open = backup = Backup(self._storage, context.connection_id, float(request.get("seconds", 60)))
        return {"files": backup.files, "moment": backup.moment, "pauseSeconds": backup.pause, "ok": 1.0}

    def contents(self, request: Document, context: Any) -> Document:
        counted = self._of(context).contents(float(request.get("seconds", 0)))
        return {"counted": counted is not None, "collections": counted or [], "ok": 1.0}

    def close(self, _request: Document, context: Any) -> Document:
        self._of(context)
        self.release(context.connection_id)
        return {"ok": 1.0}

    def _of(self, context: Any) -> Backup:
        backup = self._open
        if backup is None or backup.connection != context.connection_id:
            raise CannotBackUp("BackupHasEnded", "The backup has ended before.")
        return backup

    def release(self, connection: int | None = None) -> None:
        """End the backup of this connection; without one, whichever is open."""
        backup = self._open
        if backup and connection in (None, backup.connection):
            with self._lock:
                backup.close()
                self._open = None


class Connections(ConnectionRegistry):
    """SecantusDB's clients; a backup ends with the connection that opened it."""

    backups: Backups

    def close(self, conn_id: int) -> None:
        super().close(conn_id)
        self.backups.release(conn_id)


class LazyHandshakes(ssl.SSLContext):
    """TLS whose handshake is done by the client's own thread: else one silent client would keep all others out."""

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*arguments, **{**options, "do_handshake_on_connect": False})


class WithoutContents(logging.Formatter):
    """Log lines without what documents hold: of an exception its type and place, and the text only of WiredTiger."""

    def formatException(self, info: Any) -> str:  # noqa: N802 - logging's name
        kind, error, trace = info
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
        said = f": {error}" if isinstance(error, wiredtiger.WiredTigerError) else ""
        return f"{kind.__name__} at {place}{said}"


class EndOnPanic(logging.Handler):
    """Ends the process when WiredTiger has panicked: it answers nothing any more, while `ping` still would."""

    def __init__(self, data: Path) -> None:
        super().__init__(logging.ERROR)
        self._data = data

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, wiredtiger.WiredTigerError) and "WT_PANIC" in str(error):
            _say(f"The database server ended: {_why(self._data, error)}.")
            os._exit(1)


def _why(data: Path, error: Exception) -> str:
    """What went wrong with the files. A full disk shows as one of many errors, so the disk itself is asked."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(data).free < _NO_SPACE:
            return "no space left on the disk of its data directory"
    return str(error)


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def _die_with_parent(parent: int) -> None:
    """Be sent SIGTERM when the parent ends. Raises CannotStart if it has already."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise CannotStart(f"The server cannot be tied to its parent: {os.strerror(ctypes.get_errno())}.")
    if os.getppid() != parent:
        raise CannotStart("The process that started the server has ended.")


def _lock(path: Path) -> None:
    """Lock the instance's home for this process's life, waiting for a predecessor that is still closing."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"The home {path.parent} cannot be used: {os.strerror(error.errno or 0)}.") from error
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise CannotStart("Another server is using the files of this instance.") from None
            time.sleep(0.05)
        else:
            return


def _forget_backup(data: Path) -> None:
    """Remove what a server that was killed under an open backup cursor left.

    WiredTiger would go back to the metadata of the backup, and lose every collection that was first written later.
    In a directory that was never opened completely, a restored copy, the same file is where WiredTiger starts from.
    """
    if (data / _OPENED).exists():
        (data / "WiredTiger.backup").unlink(missing_ok=True)


def _require_metadata(data: Path) -> None:
    """Raise CannotStart for tables without the file that names them: WiredTiger would begin an empty database."""
    if any(data.glob("*.wt")) and not any(
        (data / name).exists() for name in ("WiredTiger.turtle", "WiredTiger.backup")
    ):
        raise CannotStart("The database files are not complete: WiredTiger.turtle is missing.")


def _open_files(home: str, config: str) -> Any:
    """Open WiredTiger, and remove the tables that were being made when the server was killed.

    One that has a part missing cannot be opened, and keeps the whole database closed. Nothing was ever written to it,
    since SecantusDB makes a table just before its first row.
    """
    connection = wiredtiger_open(home, config)
    session = connection.open_session()
    metadata = session.open_cursor("metadata:")
    names = {key for key, _ in metadata}
    metadata.close()
    for name in sorted(names):
        kind, _, table = name.partition(":")
        if kind == "table" and not {f"colgroup:{table}", f"file:{table}.wt"} <= names:
            log.warning("Removing the table %s, which was not made completely.", table)
            session.drop(name, "force=true")
    session.close()
    return connection


def _open(options: argparse.Namespace, agent: Document) -> server.SecantusDBServer:
    data = options.home / "data"
    GuardedStorage.agent = agent
    server.Storage = GuardedStorage
    wiredtiger.wiredtiger_open = _open_files
    try:
        _forget_backup(data)
        _require_metadata(data)
        opened = server.SecantusDBServer(
            host=options.bind,
            port=options.port,
            storage_path=str(data),
            replica_set_name=options.replica_set or None,
            require_auth=True,
            enable_test_commands=False,
            # A pause of a client is no reason to end its connection.
            client_idle_timeout_s=None,
            max_connections=_CLIENTS,
            session_max=_SESSIONS,
            # A server for the console alone shows documents as they are, also expired ones.
            ttl_sweep_seconds=0.0 if options.no_ttl else _TTL_SECONDS,
            oplog_max_entries=options.oplog_entries,
            cache_size=f"{options.cache_mb}M",
            sync_on_commit=True,
            durable=True,
            tls_cert_file=options.tls_certificate,
            tls_key_file=options.tls_key,
        )
        (data / _OPENED).touch(mode=0o600)
    except CannotStart:
        raise
    except Exception as error:
        raise CannotStart(f"The database files cannot be opened: {_why(data, error)}.") from error
    if opened._ssl_context is not None:
        opened._ssl_context = LazyHandshakes(ssl.PROTOCOL_TLS_SERVER)
        opened._ssl_context.load_cert_chain(options.tls_certificate, options.tls_key)
    return opened


def _prepare_users(storage: GuardedStorage, agent: Document, home: Path) -> None:
    """Give the agent its password, and the administrator the credentials that wait for it.

    Before the server listens: the users in a restored copy are those of its time.
    """
    storage.make_user(agent["user"], derive_credentials(agent["password"]).to_doc())
    waiting = home / "administrator.json"
    if waiting.exists():
        administrator = json.loads(waiting.read_bytes())
        storage.make_user(administrator["user"], administrator["credentials"])
        waiting.unlink()


def _stop(running: server.SecantusDBServer) -> None:
    """Close the server. Its own way waits for 2 seconds, since closing a socket does not wake who accepts on it."""
    running._stop_event.set()
    if running._socket is not None:
        running._socket.shutdown(socket.SHUT_RDWR)
    running.stop()


def _add_commands(backups: Backups, storage: GuardedStorage, agent: Document) -> None:
    def documents(_request: Document, _context: Any) -> Document:
        return {"documents": storage.documents(), "backingUp": backups.is_open, "ok": 1.0}

    def guarded(name: str, handler: Any) -> Any:
        def handle(request: Document, context: Any) -> Document:
            if ("admin", agent["user"]) not in context.connection_auth.authenticated_principals:
                return {"ok": 0.0, "errmsg": f"no such command: '{name}'", "code": 59, "codeName": "CommandNotFound"}
            try:
                answer: Document = handler(request, context)
            except CannotBackUp as error:
                reason, sentence = error.args
                return {"ok": 0.0, "errmsg": sentence, "code": 1, "codeName": reason}
            return answer

        return handle

    for name, handler in {
        "console.openBackup": backups.open,
        "console.backupContents": backups.contents,
        "console.closeBackup": backups.close,
        "console.documents": documents,
    }.items():
        commands._HANDLERS[name] = guarded(name, handler)
        commands._COMMAND_ACTIONS[name] = (A_FSYNC, commands.SCOPE_CLUSTER)
    # SecantusDB's own commands for backups read and write any file that this process may.
    for name in [name for name in commands._HANDLERS if name.startswith("secantusAdmin.")]:
        del commands._HANDLERS[name]


def _protect_agent(agent: Document) -> None:
    """For the commands about users there is no user of the agent's name, whoever asks."""

    def guarded(name: str, handler: Any) -> Any:
        def handle(request: Document, context: Any) -> Document:
            if request.get(name) == agent["user"] and context.db_name == "admin":
                error = f"User '{agent['user']}@admin' not found"
                return {"ok": 0.0, "errmsg": error, "code": 11, "codeName": "UserNotFound"}
            answer: Document = handler(request, context)
            if "users" in answer:
                shown = [user for user in answer["users"] if (user["db"], user["user"]) != ("admin", agent["user"])]
                answer["users"] = shown
            return answer

        return handle

    for name in ("createUser", "updateUser", "dropUser", "grantRolesToUser", "revokeRolesFromUser", "usersInfo"):
        commands._HANDLERS[name] = guarded(name, commands._HANDLERS[name])


def _hide_passwords() -> None:
    """Keep passwords out of the profiler's collections, which are part of every backup."""
    sanitize, secret = commands._profile_sanitize_command, {"pwd", "payload", "speculativeAuthenticate"}

    def sanitized(request: Document) -> Document:
        return {key: "***" if key in secret else value for key, value in sanitize(request).items()}

    commands._profile_sanitize_command = sanitized


def _log_to_stderr(data: Path) -> None:
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(WithoutContents("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[output, EndOnPanic(data)])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="launcher.py")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--replica-set", default="")
    parser.add_argument("--cache-mb", type=int, default=256)
    parser.add_argument("--oplog-entries", type=int, default=10_000)
    parser.add_argument("--tls-certificate")
    parser.add_argument("--tls-key")
    parser.add_argument("--no-ttl", action="store_true")
    return parser.parse_args()


def _run(options: argparse.Namespace) -> None:
    _die_with_parent(options.parent_pid)
    _lock(options.home / "server.lock")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    agent: Document = json.loads((options.home / "agent.json").read_bytes())
    # Blocked in every thread from here on; the main thread waits for them below. A handler could wait for ever: where
    # another thread got the signal, or for a lock that the main thread has.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    running = _open(options, agent)
    backups = Backups(running.storage)
    running.connections = Connections()
    running.connections.backups = backups
    _prepare_users(running.storage, agent, options.home)
    _add_commands(backups, running.storage, agent)
    _protect_agent(agent)
    _hide_passwords()
    try:
        running.start()
    except OSError as error:
        raise CannotStart(f"Port {options.port} cannot be used: {os.strerror(error.errno or 0)}.") from error
    log.info("Listening on %s:%d", options.bind, options.port)
    while signal.sigtimedwait(_STOPPING, _LOOK_SECONDS) is None and os.getppid() == options.parent_pid:
        pass
    # A command that does not end by itself does not keep the process.
    faulthandler.dump_traceback_later(_STOP_SECONDS, exit=True)
    backups.release()
    _stop(running)
    log.info("Stopped")


def main() -> int:
    """Run the server to its end and return its exit code."""
    options = _options()
    os.umask(0o077)
    _log_to_stderr(options.home / "data")
    try:
        _run(options)
    except (CannotStart, OSError, ValueError) as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
