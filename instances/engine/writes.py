"""The commands that write. Each runs in a transaction of its database."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neosqlite.collection.query_helper.utils import (  # type: ignore[import-untyped]
    build_upsert_base_document,
)

from instances.engine import indexes
from instances.engine.calls import Call, failure, unsupported
from instances.engine.documents import to_client, to_engine
from instances.engine.guards import CommandError, GuardedConnection, collection_name
from instances.engine.wire import Document


def insert(call: Call, connection: GuardedConnection) -> Document:
    collection = connection.collection(call.collection)
    documents = call.documents("documents")
    inserted = 0

    def apply(_index: int, document: Document) -> None:
        nonlocal inserted
        collection.insert_one(to_engine(document))
        inserted += 1

    errors = _one_by_one(connection, documents, call.body.get("ordered", True), apply)
    return {"n": inserted, **_write_errors(errors)}


def update(call: Call, connection: GuardedConnection) -> Document:
    operations = call.documents("updates")
    if not connection.has_collection(call.collection) and not any(op.get("upsert") for op in operations):
        return {"n": 0, "nModified": 0}
    collection = connection.collection(call.collection)
    matched = modified = 0
    upserted: list[Document] = []

    def apply(index: int, operation: Document) -> None:
        nonlocal matched, modified
        change = _change(collection, operation["q"], operation["u"], operation)
        matched, modified = matched + change.matched, modified + change.modified
        if change.upserted is not None:
            upserted.append({"index": index, "_id": change.upserted})

    errors = _one_by_one(connection, operations, call.body.get("ordered", True), apply)
    reply = {"n": matched + len(upserted), "nModified": modified, **_write_errors(errors)}
    return {**reply, "upserted": upserted} if upserted else reply


def delete(call: Call, connection: GuardedConnection) -> Document:
    operations = call.documents("deletes")
    if not connection.has_collection(call.collection):
        return {"n": 0}
    collection = connection[call.collection]
    deleted = 0

    def apply(_index: int, operation: Document) -> None:
        nonlocal deleted
        remove = collection.delete_one if operation.get("limit", 0) else collection.delete_many
        deleted += remove(to_engine(operation["q"])).deleted_count

    errors = _one_by_one(connection, operations, call.body.get("ordered", True), apply)
    return {"n": deleted, **_write_errors(errors)}


def find_and_modify(call: Call, connection: GuardedConnection) -> Document:
    body = call.body
    if not connection.has_collection(call.collection) and not body.get("upsert"):
        return {"lastErrorObject": {"n": 0, "updatedExisting": False}, "value": None}
    collection = connection.collection(call.collection)
    query, fields = body.get("query") or {}, body.get("fields")

    def shown(document: Document | None) -> Any:
        if document is None or not fields:
            return document
        return collection.query_engine.helpers._apply_projection(fields, document)

    found = collection.find(to_engine(query))
    if body.get("sort"):
        found = found.sort(list(body["sort"].items()))
    target = next(iter(found.limit(1)), None)
    if body.get("remove"):
        if target is not None and not collection.delete_one({"_id": target["_id"]}).deleted_count:
            raise CommandError(8, "UnknownError", "The document could not be deleted")
        return {"lastErrorObject": {"n": int(target is not None)}, "value": shown(target)}
    if "update" not in body:
        raise CommandError(9, "FailedToParse", "Either an update or remove=true must be specified")
    state: Document = {"n": 1, "updatedExisting": target is not None}
    if target is None:
        if not body.get("upsert"):
            return {"lastErrorObject": {**state, "n": 0}, "value": None}
        document_id = _change(collection, query, body["update"], body).upserted
        state["upserted"] = document_id
    else:
        document_id = target["_id"]
        by_id = {**query, "_id": to_client({"_id": document_id})["_id"]}
        _change(collection, by_id, body["update"], {**body, "upsert": False})
    value = collection.find_one({"_id": document_id}) if body.get("new") else target
    return {"lastErrorObject": state, "value": shown(value)}


@dataclass(frozen=True, slots=True)
class _Change:
    matched: int = 0
    modified: int = 0
    upserted: Any = None


def _change(collection: Any, query: Document, update: Any, options: Document) -> _Change:
    """Update or replace what matches, or insert it if there is nothing and `upsert` is among the options."""
    if not isinstance(update, dict):
        raise unsupported("Updates by an aggregation pipeline are not supported by this engine")
    operators = [key.startswith("$") for key in update]
    query, update = to_engine(query), to_engine(update)
    if any(operators):
        if not all(operators):
            raise CommandError(9, "FailedToParse", "Update operators and fields cannot be mixed")
        return _modify(collection, query, update, options)
    if options.get("multi"):
        raise CommandError(9, "FailedToParse", "multi update is not supported for replacement-style update")
    return _replace(collection, query, update, options)


def _modify(collection: Any, query: Document, update: Document, options: Document) -> _Change:
    for operator, fields in update.items():
        if not isinstance(fields, dict):
            raise CommandError(9, "FailedToParse", f"Modifiers operate on fields, {operator} has none")
        if operator != "$setOnInsert" and "_id" in fields and fields["_id"] != query.get("_id"):
            raise CommandError(66, "ImmutableField", "The _id of a document cannot be changed")
    filters = to_engine(options["arrayFilters"]) if options.get("arrayFilters") else None
    change = collection.update_many if options.get("multi") else collection.update_one
    result = change(query, update, array_filters=filters)
    if result.matched_count or not options.get("upsert"):
        return _Change(result.matched_count, result.modified_count)
    helpers = collection.query_engine.helpers
    document, _ = helpers._internal_update(0, update, build_upsert_base_document(query), filters, query)
    return _Change(upserted=collection.insert_one(document).inserted_id)


def _replace(collection: Any, query: Document, document: Document, options: Document) -> _Change:
    found = next(iter(collection.find(query).limit(1)), None)
    if found is None:
        if not options.get("upsert"):
            return _Change()
        base = build_upsert_base_document(query)
        kept = {"_id": base["_id"]} if "_id" in base else {}
        return _Change(upserted=collection.insert_one({**kept, **document}).inserted_id)
    if document.get("_id", found["_id"]) != found["_id"]:
        raise CommandError(66, "ImmutableField", "The _id of a document cannot be changed")
    by_id, document = {"_id": found["_id"]}, {**document, "_id": found["_id"]}
    result = collection.replace_one(by_id, document)
    if result.matched_count != 1:
        raise CommandError(8, "UnknownError", "The document could not be replaced")
    return _Change(1, int(document != found))


def _one_by_one(
    connection: GuardedConnection,
    operations: list[Document],
    ordered: bool,
    apply: Callable[[int, Document], None],
) -> list[Document]:
    """Apply each operation, whole or not at all, and return MongoDB's writeErrors.

    All are committed together, but one that fails takes back only itself; if ordered, the rest is not tried.
    """
    errors: list[Document] = []
    for index, operation in enumerate(operations):
        connection.db.execute("SAVEPOINT operation")
        try:
            apply(index, operation)
        except Exception as error:
            if not connection.db.in_transaction:
                raise  # SQLite gave up the whole transaction: there is nothing left to acknowledge.
            connection.db.execute("ROLLBACK TO operation")
            refused = failure(error)
            errors.append({"index": index, "code": refused.code, "errmsg": str(refused)})
        connection.db.execute("RELEASE operation")
        if errors and ordered:
            break
    return errors


def _write_errors(errors: list[Document]) -> Document:
    return {"writeErrors": errors} if errors else {}


def create(call: Call, connection: GuardedConnection) -> Document:
    name = call.collection
    options = {"capped", "viewOn", "validator", "timeseries", "clusteredIndex", "expireAfterSeconds"}
    if used := sorted(option for option in options if call.body.get(option)):
        raise unsupported(f"Collections with {', '.join(used)} are not supported by this engine")
    if connection.has_collection(name):
        raise CommandError(48, "NamespaceExists", f"Collection {call.namespace} already exists")
    connection.collection(name)
    return {}


def drop(call: Call, connection: GuardedConnection) -> Document:
    # By its exact name: SQLite would drop one that differs by case as well.
    if connection.has_collection(call.collection):
        connection.drop_collection(call.collection)
    return {"ns": call.namespace}


def rename(call: Call, connection: GuardedConnection) -> Document:
    _, _, old = call.body[call.name].partition(".")
    database, _, new = str(call.body.get("to", "")).partition(".")
    collection_name(old), collection_name(new)
    if database != call.database:
        raise CommandError(20, "IllegalOperation", "A collection cannot be renamed into another database")
    if not connection.has_collection(old):
        raise CommandError(26, "NamespaceNotFound", "Source collection does not exist")
    if connection.has_collection(new):
        if not call.body.get("dropTarget") or old == new:
            raise CommandError(48, "NamespaceExists", "Target collection exists")
        connection.drop_collection(new)
    # Not by the collection's own rename(), after which the old name still stands for it.
    connection.rename_collection(old, new)
    return {}


def create_indexes(call: Call, connection: GuardedConnection) -> Document:
    collection = connection.collection(call.collection)
    before = len(indexes.listed(collection))
    for specification in call.documents("indexes"):
        indexes.create(collection, specification)
    return {"numIndexesBefore": before, "numIndexesAfter": len(indexes.listed(collection))}


def drop_indexes(call: Call, connection: GuardedConnection) -> Document:
    if not connection.has_collection(call.collection):
        raise CommandError(26, "NamespaceNotFound", "The collection does not exist")
    collection = connection[call.collection]
    before = len(indexes.listed(collection))
    indexes.drop(collection, call.body.get("index", "*"))
    return {"nIndexesWas": before}
