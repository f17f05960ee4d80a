"""The gate that transactions pass to commit. It is closed while a cut is taken."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from secantus.storage import Storage, TransactionTooLargeError

# WiredTiger keeps a transaction's changes in its cache. A larger transaction would wait there for space forever.
_TRANSACTION_ROWS = 20_000


class CannotBackUp(Exception):
    """No cut can be taken or used. The arguments are the name of the reason, and one sentence."""


class Gate:
    """Lets transactions commit concurrently, and keeps them out while a cut is taken.

    A thread that holds the storage's lock passes a closed gate, because closed() waits for that lock too.
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
        """Keep out commits and changes of collections and indexes.

        Raises CannotBackUp if those in progress do not end within `seconds`.
        """
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


class GatedStorage(Storage):
    """SecantusDB's storage, in which every commit passes the gate and no transaction outgrows the cache."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.gate = Gate(self._lock)

    @contextlib.contextmanager
    def _batch_transaction(self, *, sync: bool = False) -> Iterator[Any]:
        with self.gate.passing(), super()._batch_transaction(sync=sync) as session:
            yield session

    def commit_user_transaction(self, *arguments: Any, **options: Any) -> int:
        with self.gate.passing():
            return int(super().commit_user_transaction(*arguments, **options))

    def _emit_oplog(self, entries: list[dict[str, Any]], *arguments: Any, **options: Any) -> int:
        transaction = self._user_transaction()
        if transaction is not None and len(transaction.oplog_entries) + len(entries) > _TRANSACTION_ROWS:
            raise TransactionTooLargeError(f"A transaction changes at most {_TRANSACTION_ROWS} documents")
        return int(super()._emit_oplog(entries, *arguments, **options))

    def _user_transaction(self) -> Any:
        """Return the transaction that a client has open in this thread, or None."""
        return getattr(self._tls, "user_txn", None)
