"""The commands that only read."""

from collections.abc import Iterable

from instances.engine import indexes
from instances.engine.calls import Call, bad_value, unsupported
from instances.engine.documents import to_engine
from instances.engine.guards import CommandError, GuardedConnection, count_all, visible_collections
from instances.engine.wire import Document

_FIRST_BATCH = 101
# The end of how drivers count. A plain count takes a fraction of the time.
_COUNTING_STAGE = {"$group": {"_id": 1, "n": {"$sum": 1}}}


def find(call: Call, connection: GuardedConnection) -> Document:
    body = call.body
    if body.get("min") or body.get("max"):
        raise unsupported("Index bounds are not supported by this engine")
    found = connection[call.collection].find(to_engine(body.get("filter") or {}), body.get("projection"))
    if body.get("sort"):
        found = found.sort(list(body["sort"].items()))
    if body.get("limit"):
        found = found.limit(abs(body["limit"]))
    if body.get("skip"):
        found = found.skip(body["skip"])
    return _in_batches(call, found)


def aggregate(call: Call, connection: GuardedConnection) -> Document:
    pipeline = call.body.get("pipeline")
    collection = connection[call.collection]
    if not isinstance(pipeline, list):
        raise bad_value("pipeline must be an array")
    if len(pipeline) == 2 and pipeline[0].keys() == {"$match"} and pipeline[1] == _COUNTING_STAGE:
        number = _counted(connection, call, pipeline[0]["$match"])
        return _in_batches(call, [{"_id": 1, "n": number}] if number else [])
    return _in_batches(call, collection.aggregate(to_engine(pipeline)).to_list())


def _in_batches(call: Call, found: Iterable[Document]) -> Document:
    cursor = call.body.get("cursor")
    asked = call.body.get("batchSize") or (cursor.get("batchSize") if isinstance(cursor, dict) else None)
    size = _FIRST_BATCH if not asked else abs(int(asked))
    batch = call.engine.results.first(found, size=size, namespace=call.namespace, owner=call.owner)
    if call.body.get("singleBatch"):
        call.engine.results.forget([batch["id"]])
        batch["id"] = 0
    return {"cursor": batch}


def count(call: Call, connection: GuardedConnection) -> Document:
    number = _counted(connection, call, call.body.get("query") or {})
    number = max(0, number - int(call.body.get("skip") or 0))
    limit = abs(int(call.body.get("limit") or 0))
    return {"n": min(number, limit) if limit else number}


def _counted(connection: GuardedConnection, call: Call, query: Document) -> int:
    if not query:
        return count_all(connection.db, call.collection)
    found: int = connection[call.collection].count_documents(to_engine(query))
    return found


def distinct(call: Call, connection: GuardedConnection) -> Document:
    query = to_engine(call.body.get("query") or {})
    return {"values": connection[call.collection].distinct(call.body.get("key", ""), query)}


def list_collections(call: Call, connection: GuardedConnection) -> Document:
    names = visible_collections(connection.db)
    if isinstance(wanted := (call.body.get("filter") or {}).get("name"), str):
        names = [name for name in names if name == wanted]
    found = [{"name": name, "type": "collection", "options": {}} for name in names]
    return {"cursor": {"id": 0, "ns": f"{call.database}.$cmd.listCollections", "firstBatch": found}}


def list_indexes(call: Call, connection: GuardedConnection) -> Document:
    found = indexes.listed(connection[call.collection])
    return {"cursor": {"id": 0, "ns": call.namespace, "firstBatch": found}}


def statistics(call: Call, connection: GuardedConnection) -> Document:
    found: Document = connection.command({call.name.lower(): call.body[call.name]})
    found.pop("db", None)  # the path of its file
    return found


def validate(call: Call, connection: GuardedConnection) -> Document:
    found = connection.command("validate", call.collection)
    return {"ns": call.namespace, "valid": found["valid"], "errors": found["errors"]}


def explain(call: Call, connection: GuardedConnection) -> Document:
    explained = call.body[call.name]
    if not isinstance(explained, dict) or "find" not in explained:
        raise unsupported("Only find can be explained by this engine")
    found = connection[call.collection].find(to_engine(explained.get("filter") or {})).explain()
    return {"queryPlanner": {"namespace": call.database, **found.get("queryPlanner", {})}}


def nothing(call: Call) -> Document:
    """The reply of a command that reads, about a database or collection there is not; it makes neither."""
    match call.name:
        case "count":
            return {"n": 0}
        case "distinct":
            return {"values": []}
        case "listCollections" | "find" | "aggregate":
            return {"cursor": {"id": 0, "ns": f"{call.database}.{call.body[call.name]}", "firstBatch": []}}
        case "dbStats":
            return {"db": call.database, "collections": 0, "objects": 0, "dataSize": 0, "storageSize": 0}
        case _:
            raise CommandError(26, "NamespaceNotFound", "The collection does not exist")
