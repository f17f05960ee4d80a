"""Counts of documents: of each collection in a snapshot, and of all databases together."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import bson
import wiredtiger
from secantus.storage import _COLL_TABLE, _IDX_TABLE, _NAT_SEQ_TABLE

Document = dict[str, Any]


class Total:
    """The number of documents in all databases, which WiredTiger counts as the entries of one table.

    A count reads the whole table, 80 ms for a million documents, so at most a hundredth of the time is spent counting.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._documents, self._next_count = 0, 0.0
        # Without this setting WiredTiger keeps no statistics and cannot count.
        connection.reconfigure("statistics=(all)")

    def documents(self) -> int:
        began = time.monotonic()
        if began >= self._next_count:
            self._documents = self._count()
            ended = time.monotonic()
            self._next_count = ended + 100 * (ended - began)
        return self._documents

    def _count(self) -> int:
        session = self._connection.open_session()
        try:
            cursor = session.open_cursor(f"statistics:{_NAT_SEQ_TABLE}", None, "statistics=(all,tree_walk)")
            cursor.set_key(wiredtiger.stat.dsrc.btree_entries)
            cursor.search()
            return int(cursor.get_value()[2])
        finally:
            session.close()


def begin_snapshot(session: Any) -> None:
    """Begin a snapshot: everything that the session reads from now on shows this moment."""
    session.begin_transaction("isolation=snapshot")
    # WiredTiger takes the snapshot at the first read.
    cursor = session.open_cursor(_COLL_TABLE)
    cursor.next()
    cursor.close()


def collections(snapshot: Any, stopped: threading.Event) -> Iterator[Document]:
    """Yield each collection in the session's snapshot with its number of documents, until `stopped` is set."""
    indexes: dict[tuple[str, str], list[str]] = {}
    for (db, coll, name), _value in _rows(snapshot, _IDX_TABLE):
        indexes.setdefault((db, coll), []).append(name)
    cursor = snapshot.open_cursor(_NAT_SEQ_TABLE)
    for (db, coll), options in _rows(snapshot, _COLL_TABLE):
        if stopped.is_set():
            return
        kind = "view" if "viewOn" in options else "timeseries" if "timeseries" in options else "collection"
        yield {
            "db": db,
            "name": coll,
            "type": kind,
            "documents": _entries(cursor, db, coll, stopped),
            "indexes": indexes.get((db, coll), []),
        }


def _rows(session: Any, table: str) -> Iterator[tuple[Any, Document]]:
    cursor = session.open_cursor(table)
    while cursor.next() == 0:
        value = bytes(cursor.get_value())
        yield tuple(cursor.get_key()), bson.decode(value) if value else {}
    cursor.close()


def _entries(cursor: Any, db: str, coll: str, stopped: threading.Event) -> int:
    """Count a collection's entries in the table of documents."""
    cursor.reset()
    bound(cursor, db, coll, b"")
    count, step = 0, cursor.next
    while step() == 0:
        count += 1
        if not count % 10_000 and stopped.is_set():
            break
    cursor.reset()
    return count


def bound(cursor: Any, db: str, coll: str, *lowest: Any) -> None:
    """Limit the cursor to one collection. `lowest` are the lowest values of the further columns of the table's key."""
    cursor.set_key(db, coll, *lowest)
    cursor.bound("bound=lower")
    # The first key after this collection's keys, because no name contains a NUL.
    cursor.set_key(db, f"{coll}\x01", *lowest)
    cursor.bound("bound=upper,inclusive=false")
