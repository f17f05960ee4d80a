"""Index builds in steps: even for a large index, no transaction is larger than the cache."""

from typing import Any

from secantus.storage import _IDX_ENTRIES_TABLE, _IDX_TABLE, _retry_write_conflicts

from .changes import STEP, WholeChanges


class _SteppingCursor:
    """The cursor that writes an index's entries. It commits the session's transaction after every STEP rows."""

    def __init__(self, cursor: Any, session: Any) -> None:
        self._cursor, self._session = cursor, session
        self._written = 0

    def reset(self) -> None:
        self._cursor.reset()

    def __setitem__(self, key: Any, value: bytes) -> None:
        self._cursor[key] = value
        self._written += 1
        if not self._written % STEP:
            self._session.commit_transaction()
            self._session.begin_transaction()


class IndexBuilds(WholeChanges):
    """A storage that builds an index completely or not at all."""

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
        return _SteppingCursor(cursor, building) if building and table == _IDX_ENTRIES_TABLE else cursor
