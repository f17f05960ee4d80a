"""How documents go into neosqlite and come out of it, and what its own way would lose.

neosqlite keeps a document as JSON in one column and its _id as text in another whose type makes SQLite read
digits as numbers: two ObjectIds that happen to be all digits become one, "00123" and 123 become one. It takes an
integer _id for the number of a row, so a filter it cannot turn into SQL deletes or updates another document than
the one it found. Both are corrected here: the _id column has no type, an _id keeps its own, a row is looked up.
"""

from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import Any

import bson
from neosqlite.binary import Binary as StoredBinary  # type: ignore[import-untyped]
from neosqlite.collection.cursor import Cursor  # type: ignore[import-untyped]
from neosqlite.collection.json_helpers import neosqlite_json_dumps  # type: ignore[import-untyped]
from neosqlite.collection.query_engine import QueryEngine  # type: ignore[import-untyped]
from neosqlite.collection.query_helper import QueryHelper, _sql_query_builder  # type: ignore[import-untyped]
from neosqlite.collection.sql_translator_unified import SQLTranslator  # type: ignore[import-untyped]
from neosqlite.objectid import ObjectId as StoredObjectId  # type: ignore[import-untyped]
from nx_27017.utils import convert_neo_to_bson_objectids  # type: ignore[import-untyped]

from instances.engine.wire import Document

COLUMNS = "(id INTEGER PRIMARY KEY AUTOINCREMENT, _id, data TEXT NOT NULL)"


def to_engine(value: Any) -> Any:
    """The same value in neosqlite's types. Raises TypeError for a type it would change silently."""
    match value:
        case dict():
            return {key: to_engine(item) for key, item in value.items()}
        case list():
            return [to_engine(item) for item in value]
        case bson.ObjectId():
            return StoredObjectId(value.binary)
        case bson.Binary():
            return StoredBinary(bytes(value), value.subtype)
        case bytes():
            return StoredBinary(bytes(value))
        case bson.DBRef():
            return to_engine(dict(value.as_doc()))
        case bson.Code():
            raise TypeError("Object of type Code is not supported")
        case _:
            return value


def to_client(document: Document) -> Document:
    """The same document in BSON's types."""
    converted: Document = convert_neo_to_bson_objectids(_with_binaries(document))
    return converted


def _with_binaries(value: Any) -> Any:
    match value:
        case dict():
            return {key: _with_binaries(item) for key, item in value.items()}
        case list():
            return [_with_binaries(item) for item in value]
        case StoredBinary():
            return bson.Binary(bytes(value), value.subtype)
        case _:
            return value


def _key(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _insert(helper: Any, document: Document) -> Any:
    """Insert one document and return its _id, which is made when there is none."""
    found = document.get("_id")
    document_id = StoredObjectId() if found is None else found
    text = neosqlite_json_dumps({**document, "_id": document_id}, allow_nan=False)
    collection = helper.collection
    sql = f"INSERT INTO {collection.name}(data, _id) VALUES (?, ?)"  # noqa: S608 - see collection_name()
    collection.db.execute(sql, (text, _key(document_id)))
    return document_id


def _row_of(engine: Any, document_id: Any) -> int:
    collection = engine.collection
    sql = f"SELECT id FROM {collection.name} WHERE _id = ?"  # noqa: S608 - see collection_name()
    row = collection.db.execute(sql, (_key(document_id),)).fetchone()
    if row is None:
        raise LookupError("the document is not there any more")
    number: int = row[0]
    return number


def _where(helper: Any, query: Document) -> Any:
    """The filter in SQL, or None where only Python can tell."""
    return _where_in_sql(helper, _with_text_ids(query)) if _compares_ids_only_to_id(query) else None


def _match(translator: Any, query: Any, *context: Any) -> Any:
    """The same for the other of neosqlite's two translators."""
    if isinstance(query, dict) and not _compares_ids_only_to_id(query):
        return None, []
    return _match_in_sql(translator, _with_text_ids(query) if isinstance(query, dict) else query, *context)


def _compares_ids_only_to_id(query: Document) -> bool:
    return not any(_has_object_id(value) for key, value in query.items() if key != "_id")


def _has_object_id(value: Any) -> bool:
    match value:
        case dict():
            return any(map(_has_object_id, value.values()))
        case list():
            return any(map(_has_object_id, value))
        case _:
            return isinstance(value, StoredObjectId)


def _with_text_ids(query: Document) -> Document:
    """The filter with ObjectIds as text in _id, which is how they are kept there, and only there."""
    return {key: _ids(value) if key == "_id" else value for key, value in query.items()}


def _ids(value: Any) -> Any:
    match value:
        case StoredObjectId():
            return str(value)
        case dict():
            return {key: _ids(item) for key, item in value.items()}
        case list():
            return [_ids(item) for item in value]
        case _:
            return value


def _sorted(cursor: Any, found: Iterable[Document]) -> Iterable[Document]:
    """Without a list of all of them when there is nothing to sort, as in the two below."""
    result: Iterable[Document] = _sorted_list(cursor, found) if cursor._sort else found
    return result


def _page(cursor: Any, found: Iterable[Document]) -> Iterable[Document]:
    return islice(found, cursor._skip, cursor._skip + abs(cursor._limit) if cursor._limit else None)


def _shown(cursor: Any, found: Iterable[Document]) -> Iterable[Document]:
    return map(partial(cursor._query_helpers._apply_projection, cursor._projection), found)


_sorted_list = Cursor._apply_sorting
_where_in_sql = QueryHelper._build_simple_where_clause
_match_in_sql = SQLTranslator.translate_match


def correct_neosqlite() -> None:
    """Put the corrections in place, for this process."""
    QueryHelper._internal_insert = _insert
    QueryEngine._get_integer_id_for_oid = _row_of
    QueryHelper._build_simple_where_clause = _where
    SQLTranslator.translate_match = _match
    Cursor._apply_sorting, Cursor._apply_pagination, Cursor._apply_projection = _sorted, _page, _shown
    # Their guesses at what an id was meant to be: they compare a field that refers to an _id with text, and take
    # a field called id for the _id.
    QueryHelper._normalize_id_query = lambda _helper, query: query
    _sql_query_builder.normalize_id_query_for_db = lambda query: query
