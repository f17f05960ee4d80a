"""Changes of collections and indexes that a killed server finishes at its next start.

SecantusDB commits such a change row by row. If killed in the middle, it would leave an index without some of its
entries, half of a dropped collection, or nothing of a renamed one. One transaction for all rows is no solution,
because it cannot commit more rows than fit into the cache. So the server keeps a note of each change until the change
is complete.
"""

import contextlib
import json
import logging
from collections.abc import Iterator
from typing import Any

import bson
from secantus.storage import (
    _COLL_TABLE,
    _IDX_ENTRIES_TABLE,
    _IDX_TABLE,
    _NAT_SEQ_TABLE,
    _UNIQ_TABLE,
    _doc_table_for,
    _is_wt_rollback,
    _retry_write_conflicts,
)

from .commit_gate import GatedStorage
from .process_life import CannotStart

log = logging.getLogger("launcher")

# The notes of the changes in progress.
CHANGES = "table:secantus_console_changes"
# The changes, which are methods, and their numbers of names.
_NAMES = {
    "create_index": 3,
    "drop_index": 3,
    "drop_all_indexes": 2,
    "drop_collection": 2,
    "drop_database": 1,
    "rename_collection": 4,
}
# The number of a change's rows that one transaction commits; they must fit into the cache.
STEP = 1000


class WholeChanges(GatedStorage):
    """A storage that completes every drop and rename, at the latest at the next start."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._finish_changes()

    def _finish_changes(self) -> None:
        session = self._conn.open_session()
        try:
            session.create(CHANGES, "key_format=S,value_format=S")
            notes = session.open_cursor(CHANGES)
            for note in [key for key, _ in notes]:
                change, *names = _read(note)
                log.warning("Finishing a change that was interrupted: %s", change)
                forget = {"create_index": self._forget_indexes, "drop_index": self._forget_indexes}
                forget.get(change, getattr(self, change))(*names)
                notes.set_key(note)
                notes.remove()
        finally:
            session.close()

    @contextlib.contextmanager
    def _noted(self, change: str, *names: str) -> Iterator[None]:
        """Keep a note of the change until it is complete.

        Remove the note of a failed change too, because its client has seen the error and may have written since.
        """
        if self._user_transaction() is not None:
            yield
            return
        session = self._conn.open_session()
        try:
            notes = session.open_cursor(CHANGES)
            note = json.dumps([change, *names])
            notes[note] = ""
            try:
                yield
            except BaseException as error:
                # Keep the note after a conflict with another client, because SecantusDB retries at once.
                if not _is_wt_rollback(error):
                    del notes[note]
                raise
            del notes[note]
        finally:
            session.close()

    @contextlib.contextmanager
    def _batch_transaction(self, *, sync: bool = False) -> Iterator[Any]:
        with super()._batch_transaction(sync=sync) as session:
            self._tls.in_batch = True
            try:
                yield session
            finally:
                self._tls.in_batch = False

    def _delete_keys(self, table: str, keys: list[Any]) -> None:
        if getattr(self._tls, "in_batch", False) or self._user_transaction() is not None:
            super()._delete_keys(table, keys)
            return
        for step in _steps(keys):
            with self._batch_transaction():
                super()._delete_keys(table, step)

    def _forget_indexes(self, *prefix: str) -> None:
        """Remove all rows of the indexes whose database, collection and name begin with `prefix`."""
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
            target_exists = self._coll_options(*target) is not None
            if self._coll_options(*source) is None or source == target or (target_exists and not drop_target):
                refused: tuple[bool, str | None] = super().rename_collection(*source, *target, drop_target=drop_target)
                return refused
            with self._noted("rename_collection", *source, *target):
                if target_exists:
                    # The next start reads the notes in alphabetical order, so it finishes the drop first.
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


def _read(note: str) -> list[str]:
    """Return the change and its names. Raises CannotStart for a note that no server wrote: it could name any method."""
    with contextlib.suppress(ValueError):
        read = json.loads(note)
        if isinstance(read, list) and all(isinstance(each, str) for each in read):
            change, *names = read or [""]
            if _NAMES.get(change) == len(names):
                return read
    raise CannotStart(f"The database files contain a change that no server began: {note!a}.")


def _steps(rows: list[Any]) -> Iterator[list[Any]]:
    for first in range(0, len(rows), STEP):
        yield rows[first : first + STEP]
