"""The check that the indexes of a collection have exactly the keys of its documents.

SecantusDB's own `validate` compares nothing: it reports every collection as valid.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import bson
from secantus import storage as engine

from . import counts

Document = dict[str, Any]

_ID = "_id_"
_SECRET = secrets.token_bytes(16)


@dataclass
class _Keys:
    """A set of keys in constant memory: their number, and a sum of their digests in any order."""

    number: int = 0
    total: int = 0

    def add(self, key: bytes) -> None:
        digest = hashlib.blake2b(key, digest_size=16, key=_SECRET).digest()
        self.number, self.total = self.number + 1, (self.total + int.from_bytes(digest)) % 2**128


class _Index:
    """An index from the catalog, which derives from a document the keys that SecantusDB should have stored."""

    def __init__(self, name: str, stored: Document) -> None:
        self._name, self._key, self._options = name, stored["key"], stored["options"]
        self._geo = engine._geo_type_of(self._key)
        self._partial = self._options.get("partialFilterExpression")
        self._collation = engine._parse_index_collation(self._options.get("collation"))
        # Keys from before prepareUnique are not reserved.
        self.reserves_all = bool(self._options.get("unique")) and "prepareUnique" not in self._options

    def keys(self, document: Document) -> Iterable[bytes]:
        if self._partial and not engine.matches(document, self._partial):
            return ()
        if self._geo:
            return set(engine._doc_geo_cells(document, *self._geo, self._options, index_name=self._name))
        sparse = bool(self._options.get("sparse"))
        keys: list[bytes] = engine._index_key_variants(document, self._key, sparse=sparse, collation=self._collation)
        return keys

    def lacks_mark(self, document: Document) -> bool:
        """Return whether the document has several keys, which the index should be marked for and is not.

        Queries trust the mark.
        """
        return not self._options.get("multikey") and engine._doc_makes_multikey(document, self._key)


def damaged_indexes(connection: Any, db: str, coll: str) -> list[str]:
    """Return the names of the indexes, sorted, whose keys are not those of the documents.

    Raises ValueError or bson.errors.BSONError if a document itself cannot be read.
    """
    session = connection.open_session()
    try:
        counts.begin_snapshot(session)
        return sorted(_damaged(session, db, coll))
    finally:
        session.close()


def _damaged(session: Any, db: str, coll: str) -> set[str]:
    indexes, damaged = dict[str, _Index](), set[str]()
    for (_db, _coll, name), stored in _rows(session, engine._IDX_TABLE, db, coll, ""):
        indexes[name] = _Index(name, bson.decode(bytes(stored)))
    options = dict(_rows(session, engine._COLL_TABLE, db, coll))
    is_series = "timeseries" in bson.decode(bytes(next(iter(options.values()), b"")) or bson.encode({}))
    expected = {name: _Keys() for name in (_ID, *indexes)}
    for (_db, _coll, number), framed in _rows(session, engine._doc_table_for(db, coll), db, coll, -(2**63)):
        id_key, content = engine._unframe_doc_value(bytes(framed))
        document = bson.decode(content)
        expected[_ID].add(engine._pack_entry(id_key, number))
        if not is_series and engine._id_key(document.get("_id")) != id_key:
            damaged.add(_ID)
        for name, index in indexes.items():
            try:
                for key in index.keys(document):
                    expected[name].add(engine._pack_entry(key, number))
            except engine.GeoExtractError:
                damaged.add(name)
            if index.lacks_mark(document):
                damaged.add(name)
    found = {name: _Keys() for name in expected}
    for (_db, _coll, id_key), number in _rows(session, engine._NAT_SEQ_TABLE, db, coll, b""):
        found[_ID].add(engine._pack_entry(bytes(id_key), number))
    for (_db, _coll, name, entry), _value in _rows(session, engine._IDX_ENTRIES_TABLE, db, coll, "", b""):
        found.setdefault(name, _Keys()).add(bytes(entry))
    damaged |= {name for name in found if found[name] != expected.get(name)}
    return damaged | _wrongly_reserved(session, db, coll, indexes, found)


def _wrongly_reserved(
    session: Any, db: str, coll: str, indexes: dict[str, _Index], found: dict[str, _Keys]
) -> set[str]:
    """Return the unique indexes that reserve a value for another document than the index has, or not all values."""
    entries, damaged, reserved = session.open_cursor(engine._IDX_ENTRIES_TABLE), set[str](), dict.fromkeys(indexes, 0)
    for (_db, _coll, name, key), number in _rows(session, engine._UNIQ_TABLE, db, coll, "", b""):
        entry = bytes(key) + engine._ENTRY_SEP + number.to_bytes(8, "big", signed=True)
        entries.set_key(db, coll, name, entry)
        if name not in indexes or entries.search() != 0:
            damaged.add(name)
        else:
            reserved[name] += 1
    unequal = {name for name, index in indexes.items() if index.reserves_all and reserved[name] != found[name].number}
    return damaged | unequal


def _rows(session: Any, table: str, db: str, coll: str, *lowest: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield the collection's rows of a table; `lowest` are the lowest values of the further columns of its key."""
    try:
        cursor = session.open_cursor(table)
    except engine.wt.WiredTigerError as error:
        if engine._is_missing_table(error):
            return
        raise
    counts.bound(cursor, db, coll, *lowest)
    while cursor.next() == 0:
        yield tuple(cursor.get_key()), cursor.get_value()
    cursor.close()
