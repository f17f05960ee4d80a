"""WiredTiger's backup cursor: the agent opens and closes a cut of all databases over one connection."""

import threading
import time
from pathlib import Path
from typing import Any

from secantus.connreg import ConnectionRegistry

from . import counts
from .commit_gate import CannotBackUp, GatedStorage

Document = dict[str, Any]


class Backup:
    """A cut: the backup cursor, and a snapshot of the same moment in which a thread counts documents.

    Until the cursor is closed, WiredTiger does not change the files of the cut up to their sizes in `files`.
    """

    def __init__(self, storage: GatedStorage, connection: int, seconds: float) -> None:
        self.connection = connection
        self._session = storage._conn.open_session()
        self._snapshot = storage._conn.open_session()
        self._stopped = threading.Event()
        try:
            # Do most of the work while writers continue.
            self._session.checkpoint()
            with storage.gate.closed(seconds):
                began = time.monotonic()
                counts.begin_snapshot(self._snapshot)
                # WiredTiger switches to a new log file. The cursor's files contain everything committed until now.
                self._cursor = self._session.open_cursor("backup:", None, None)
                self.moment = time.time()
                self.pause = time.monotonic() - began
            names = []
            while self._cursor.next() == 0:
                names.append(self._cursor.get_key())
            home = Path(storage.home_path)
            self.files = [{"name": name, "size": (home / name).stat().st_size} for name in names]
        except BaseException:
            self._session.close()
            self._snapshot.close()
            raise
        self._contents: list[Document] | None = None
        self._failure: Exception | None = None
        self._counter = threading.Thread(target=self._count, name="count", daemon=True)
        self._counter.start()

    def _count(self) -> None:
        try:
            self._contents = list(counts.collections(self._snapshot, self._stopped))
        except Exception as error:
            self._failure = error
        finally:
            self._snapshot.close()

    def contents(self, seconds: float) -> list[Document] | None:
        """Return the counts, or None if they are not complete after `seconds`."""
        self._counter.join(seconds)
        if self._counter.is_alive():
            return None
        if self._contents is None:
            raise CannotBackUp("BackupNotCounted", "The documents could not be counted.") from self._failure
        return self._contents

    def close(self) -> None:
        """Stop counting and close the cursor, so that WiredTiger may change the files again."""
        self._stopped.set()
        self._counter.join()
        self._session.close()


class Backups:
    """The open backup, if there is one: WiredTiger allows only one backup cursor."""

    def __init__(self, storage: GatedStorage) -> None:
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
            raise CannotBackUp("BackupHasEnded", "The backup has already ended.")
        return backup

    def release(self, connection: int | None = None) -> None:
        """Close the backup that this connection opened; without a connection, any backup."""
        backup = self._open
        if backup and connection in (None, backup.connection):
            with self._lock:
                backup.close()
                self._open = None


class Connections(ConnectionRegistry):
    """SecantusDB's registry of clients, which closes a backup together with the connection that opened it."""

    def __init__(self, backups: Backups) -> None:
        super().__init__()
        self._backups = backups

    def close(self, conn_id: int) -> None:
        super().close(conn_id)
        self._backups.release(conn_id)
