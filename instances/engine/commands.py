"""The commands clients may send; anything else is refused.

Nothing that is received goes to nx-27017's own dispatcher: it looks for command names anywhere in a message,
inserts every embedded document of an insert command as a document, and answers ok to a failed findAndModify.
"""

import importlib.metadata
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from instances.engine import reads, writes
from instances.engine.calls import Call, Engine, bad_value, failure, unsupported
from instances.engine.documents import to_client
from instances.engine.guards import CommandError, GuardedConnection
from instances.engine.wire import DRIVERS_BATCH, MAX_BATCH, MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES, Document

log = logging.getLogger(__name__)

ENGINE = "nx-27017"
STORAGE_ENGINE = "SQLite"
# What drivers may expect. 7.0 is wire version 21; with more they would send the bulkWrite command of 8.0, which
# writes to several databases at once.
COMPATIBLE_VERSION = "7.0.0"
_MAX_WIRE_VERSION = 21

# A query may not write or watch, nor use what this engine has not got.
_REFUSED_OPERATORS = {
    *("$out", "$merge", "$changeStream", "$currentOp", "$listLocalSessions", "$listSessions"),
    *("$search", "$searchMeta", "$vectorSearch", "$listSearchIndexes", "$text", "$where", "$function"),
    "$facet",  # writes to tables of its own
}


def instant(body: Document) -> Document | None:
    """The reply to a command that needs no database, else None. Never waits, whatever the databases do."""
    match next(iter(body)):
        case "ping" | "endSessions":
            return {"ok": 1.0}
        case "hello" | "isMaster" | "ismaster" as name:
            return _hello(primary="isWritablePrimary" if name == "hello" else "ismaster")
        case "buildInfo" | "buildinfo":
            return _build_info()
        case _:
            return None


def run(engine: Engine, body: Document, owner: object) -> Document:
    """Run one command and return its reply; every error becomes one. `owner` is the client, for its cursors."""
    requested = next(iter(body))
    name = _ALIASES.get(requested, requested)
    try:
        if name not in _ALL:
            raise CommandError(59, "CommandNotFound", f"no such command: {requested!r}")
        _refuse_what_would_not_hold(body)
        database = body.get("$db", "test")
        if name == "renameCollection":
            database = str(body[requested]).partition(".")[0]
        if not isinstance(database, str):
            raise bad_value("$db must be a string")
        reply = _dispatch(Call(engine, name, database, {**body, name: body[requested]}, owner))
        return {**to_client(reply), "ok": 1.0}
    except CommandError as error:
        return error.reply()
    except Exception as error:
        # The text of an error may quote a document: its client may read that, who reads the log may not.
        log.warning("%s failed: %s", name, type(error).__name__)
        return failure(error).reply()


def _dispatch(call: Call) -> Document:
    if (other := _OTHERS.get(call.name)) is not None:
        return other(call)
    if (write := _WRITES.get(call.name)) is not None:
        with call.engine.handler.transaction(call.database) as writing:
            return write(call, writing)
    with call.engine.handler.reading(call.database) as connection:
        if connection is None or not (call.name in _ON_DATABASE or connection.has_collection(call.collection)):
            return reads.nothing(call)
        return _READS[call.name](call, connection)


def _refuse_what_would_not_hold(body: Document) -> None:
    """Raise CommandError for what would be acknowledged, and then not be so."""
    if "startTransaction" in body or body.get("autocommit") is False or "txnNumber" in body:
        raise CommandError(20, "IllegalOperation", "Transactions are not supported by this engine")
    concern = body.get("writeConcern")
    if isinstance(concern, dict) and isinstance(nodes := concern.get("w"), int) and nodes > 1:
        raise bad_value("cannot use 'w' > 1 when a host is not replicated")
    operations = [body, *(body.get("updates") or ()), *(body.get("deletes") or ())]
    if any(isinstance(operation, dict) and operation.get("collation") for operation in operations):
        raise unsupported("Collations are not supported by this engine")
    queries = [operation.get("q") for operation in operations if isinstance(operation, dict)]
    queries += [body.get(field) for field in ("pipeline", "filter", "query")]
    if refused := _mentioned(_REFUSED_OPERATORS, queries):
        raise unsupported(f"{refused} is not supported by this engine")


def _mentioned(names: set[str], value: Any) -> str:
    """The first of these keys found anywhere inside, or ''."""
    if isinstance(value, dict):
        return next((key for key in value if key in names), "") or _mentioned(names, list(value.values()))
    if isinstance(value, list):
        return next((found for item in value if (found := _mentioned(names, item))), "")
    return ""


def _get_more(call: Call) -> Document:
    asked = call.body.get("batchSize")
    size = abs(int(asked)) if asked else MAX_BATCH
    return {"cursor": call.engine.results.next(int(call.body[call.name]), size=size)}


def _kill_cursors(call: Call) -> Document:
    return {"cursorsKilled": call.engine.results.forget(call.body.get("cursors") or [])}


def _drop_database(call: Call) -> Document:
    if call.body[call.name] != 1:
        raise bad_value("dropDatabase drops the database it is sent to, and takes 1")
    call.engine.handler.drop_database(call.database)
    return {"dropped": call.database}


def _list_databases(call: Call) -> Document:
    found = call.engine.counts.sizes()
    if call.body.get("nameOnly"):
        return {"databases": [{"name": name} for name in found]}
    databases = [{"name": name, "sizeOnDisk": size, "empty": False} for name, size in found.items()]
    return {"databases": databases, "totalSize": sum(found.values())}


def _server_status(call: Call) -> Document:
    status: Document = call.engine.handler._handle_server_status(0, None)[1]
    status |= {
        "version": COMPATIBLE_VERSION,
        "process": ENGINE,
        "engine": {"name": ENGINE, "version": importlib.metadata.version(ENGINE)},
        "storageEngine": {"name": STORAGE_ENGINE},
    }
    return {**status, "storage": call.engine.counts.storage()} if call.body.get("storage") else status


def _hello(*, primary: str) -> Document:
    return {
        "helloOk": True,
        primary: True,
        "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        "maxMessageSizeBytes": MAX_MESSAGE_BYTES,
        "maxWriteBatchSize": DRIVERS_BATCH,
        "localTime": datetime.now(UTC),
        "logicalSessionTimeoutMinutes": 30,
        "minWireVersion": 0,
        "maxWireVersion": _MAX_WIRE_VERSION,
        "readOnly": False,
        "ok": 1.0,
    }


def _build_info() -> Document:
    return {
        "version": COMPATIBLE_VERSION,
        "versionArray": [*map(int, COMPATIBLE_VERSION.split(".")), 0],
        "gitVersion": f"{ENGINE} {importlib.metadata.version(ENGINE)}",
        "modules": [],
        "storageEngines": [STORAGE_ENGINE],
        "bits": 64,
        "debug": False,
        "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        "ok": 1.0,
    }


_ALIASES = {"findandmodify": "findAndModify", "collstats": "collStats", "dbstats": "dbStats"}
_WRITES: dict[str, Callable[[Call, GuardedConnection], Document]] = {
    "insert": writes.insert,
    "update": writes.update,
    "delete": writes.delete,
    "findAndModify": writes.find_and_modify,
    "create": writes.create,
    "drop": writes.drop,
    "renameCollection": writes.rename,
    "createIndexes": writes.create_indexes,
    "dropIndexes": writes.drop_indexes,
}
_READS: dict[str, Callable[[Call, GuardedConnection], Document]] = {
    "find": reads.find,
    "aggregate": reads.aggregate,
    "count": reads.count,
    "distinct": reads.distinct,
    "listCollections": reads.list_collections,
    "listIndexes": reads.list_indexes,
    "dbStats": reads.statistics,
    "collStats": reads.statistics,
    "validate": reads.validate,
    "explain": reads.explain,
}
_ON_DATABASE = {"listCollections", "dbStats"}
_OTHERS: dict[str, Callable[[Call], Document]] = {
    "getMore": _get_more,
    "killCursors": _kill_cursors,
    "dropDatabase": _drop_database,
    "listDatabases": _list_databases,
    "serverStatus": _server_status,
}
_ALL = {*_WRITES, *_READS, *_OTHERS}
