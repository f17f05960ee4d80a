"""Indexes of a collection, by the names drivers give them: field_1, one_1_other_1.

neosqlite names them after collection and fields with underscores, so two different ones can get the same name,
and it does not make an index whose name is taken: a unique one would then not be kept, unnoticed.
"""

from typing import Any

from neosqlite.collection.index_manager import _load_index_keys  # type: ignore[import-untyped]

from instances.engine.guards import CommandError
from instances.engine.wire import Document

# Kept by neosqlite only in name: expiry deletes documents MongoDB would keep, the others change what is unique.
_REFUSED_OPTIONS = {"expireAfterSeconds", "partialFilterExpression", "collation", "fts", "tokenizer"}


def create(collection: Any, specification: Document) -> None:
    """Make one index. Raises CommandError for a kind that is not kept, or a name that is another index's."""
    key = specification.get("key")
    if not isinstance(key, dict) or not key or any(direction not in (1, -1) for direction in key.values()):
        raise CommandError(67, "CannotCreateIndex", "Only ascending and descending indexes are supported")
    if refused := sorted(_REFUSED_OPTIONS & specification.keys()):
        raise CommandError(67, "CannotCreateIndex", f"Indexes with {', '.join(refused)} are not supported")
    fields, unique = list(key), bool(specification.get("unique"))
    if fields == ["_id"]:
        return
    name = f"idx_{collection.name}_{'_'.join(fields).replace('.', '_')}"
    found = collection.db.execute("SELECT tbl_name, sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    if found is None:
        collection.create_index(list(key.items()), unique=unique)
        return
    same = found[0] == collection.name and _load_index_keys(collection.db, name) == fields
    if not same or found[1].startswith("CREATE UNIQUE") != unique:
        raise CommandError(86, "IndexKeySpecsConflict", f"Another index has the name {name} already")


def listed(collection: Any) -> list[Document]:
    """The indexes, that of _id first."""
    found: list[Document] = [{"v": 2, "key": {"_id": 1}, "name": "_id_"}]
    for fields, unique in _stored(collection).values():
        entry: Document = {"v": 2, "key": dict.fromkeys(fields, 1), "name": _public(fields)}
        found.append({**entry, "unique": True} if unique else entry)
    return found


def drop(collection: Any, wanted: Any) -> None:
    """Remove the index of this name or key, or all but that of _id for "*". Raises CommandError if not there."""
    stored = _stored(collection)
    if wanted == "*":
        names = list(stored)
    else:
        asked = "_".join(f"{field}_1" for field in wanted) if isinstance(wanted, dict) else str(wanted)
        asked = asked.replace("_-1", "_1")
        names = [name for name, (fields, _) in stored.items() if _public(fields) == asked]
        if not names:
            raise CommandError(27, "IndexNotFound", f"index not found with name [{wanted}]")
    for name in names:
        collection.drop_index(name)


def _stored(collection: Any) -> dict[str, tuple[list[str], bool]]:
    """Fields and uniqueness of each index by its name in the file, without that of _id."""
    rows = collection.db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type='index' AND tbl_name=? AND sql IS NOT NULL ORDER BY name",
        (collection.name,),
    ).fetchall()
    return {
        name: (_load_index_keys(collection.db, name) or [name], sql.startswith("CREATE UNIQUE"))
        for name, sql in rows
        if name != f"idx_{collection.name}_id"
    }


def _public(fields: list[str]) -> str:
    return "_".join(f"{field}_1" for field in fields)
