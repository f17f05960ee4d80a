"""Create collections, indexes and views as a dump describes them.

What a server ignores or rejects is an error. Only of indexes and options may the caller ask to be told instead.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure

from console.text.messages import Count, Message
from instances.engines.base import Client, EngineError
from instances.engines.deployment.compare import SCRIPTS
from instances.engines.deployment.explain import failed_itself, is_unauthorized, redact
from instances.engines.deployment.mongodump import CODEC, TIME_SERIES, Definition, Documents, Entry, Namespace
from instances.engines.deployment.namespaces import database_of

# The size of one insert command. A server accepts more, but would answer late.
_BATCH_BYTES = 4 * 1024 * 1024
_BATCH_DOCUMENTS = 5000
# What a server has acknowledged so outlives its crash, and an election.
_DURABLE = {"w": "majority", "j": True, "wtimeout": 300_000}
# What old servers list and new ones reject: they describe what is always so today.
_OBSOLETE_OPTIONS = frozenset({"autoIndexId", "flags", "temp", "uuid"})
_OBSOLETE_INDEX_OPTIONS = frozenset({"ns", "dropDups", "safe"})
# A server may answer with another value than it was given, which changes nothing.
_FREE_INDEX_OPTIONS = frozenset({"v", "background"})
_SIMPLE = {"locale": "simple"}
_DUPLICATE_KEY = 11000


@dataclass(frozen=True)
class Lack:
    """An index that a server rejected, or an option of an index or a collection that it ignored."""

    namespace: Namespace
    index: str = ""
    option: str = ""

    def __str__(self) -> str:
        return f"{self.namespace} ({', '.join(filter(None, (self.index, self.option)))})"


class Lacks(list[Lack]):
    """What a server lacks of a dump. Unless `tolerant`, that is an EngineError."""

    def __init__(self, *, tolerant: bool = True) -> None:
        super().__init__()
        self.tolerant = tolerant

    def note(self, lack: Lack, message: Message) -> None:
        """Note what the server ignores. Raises EngineError with the message unless tolerant."""
        if not self.tolerant:
            raise EngineError(message)
        self.append(lack)


def create_collection(client: Client, entry: Entry, target: Namespace, definition: Definition, lacks: Lacks) -> None:
    """Create the collection or time series with all its options, and note those that the server ignores."""
    options = _current(definition.options, _OBSOLETE_OPTIONS)
    id_index = next((_current(index, _OBSOLETE_INDEX_OPTIONS) for index in definition.indexes if _is_id(index)), None)
    arguments = {**options, "idIndex": id_index} if id_index and entry.type != TIME_SERIES else options
    with refusals("deployment.collection_refused", name=entry.namespace):
        _create(client, target, arguments)
    created = described(client, target)
    for option, value in options.items():
        if not _keeps(created["options"].get(option), value) and not (option == "size" and _larger(created, value)):
            ignored = Message("deployment.option_ignored", name=entry.namespace, option=option)
            lacks.note(Lack(entry.namespace, option=option), ignored)
    if entry.type == TIME_SERIES and created["type"] != TIME_SERIES:
        raise EngineError(Message("deployment.time_series_refused", name=entry.namespace))


def _create(client: Client, target: Namespace, options: Mapping[str, Any]) -> None:
    command: dict[str, Any] = {"create": "", **options}
    # Whatever options a dump has, they create this collection.
    command |= {"create": target.collection, "writeConcern": _DURABLE}
    _confirmed(database_of(client, target.database).command(command))


def _keeps(has: Any, wanted: Any) -> bool:
    """Return whether a server that lists `has` keeps the option as wanted. It may add its own defaults."""
    if isinstance(has, Mapping) and isinstance(wanted, Mapping):
        return all(has.get(name) == value for name, value in wanted.items())
    return bool(has == wanted)


def _larger(created: Mapping[str, Any], size: Any) -> bool:
    """Return whether the server rounded the size of a capped collection up."""
    return bool(created["options"].get("size", 0) > size)


def described(client: Client, namespace: Namespace) -> dict[str, Any]:
    """Return the server's description of a collection or view; an empty one if it does not exist."""
    database = database_of(client, namespace.database)
    answer = database.cursor_command("listCollections", filter={"name": namespace.collection}, codec_options=CODEC)
    return dict(next(iter(answer), {}))


def insert(client: Client, target: Namespace, documents: Documents, *, name: Namespace) -> None:
    """Insert the documents as they are, without validating them. Raises EngineError about the collection `name`."""
    # Functions have no validator, and few roles may bypass one there.
    bypass = target.collection != SCRIPTS
    for batch in _batches(documents.each()):
        with refusals("deployment.documents_refused", name=name):
            # The driver sends raw documents unchanged, and its command takes every name that a server has.
            options = {"documents": batch, "ordered": True, "bypassDocumentValidation": bypass}
            answer = write(client, target.database, "insert", target.collection, **options)
        if answer["n"] != len(batch):
            errors = answer.get("writeErrors") or [{}]
            why = _sentence(str(errors[0].get("errmsg", "")))
            failed = failed_itself(errors[0].get("code"), why)
            raise EngineError(Message("deployment.documents_refused", name=name, why=failed or why))


def require_all(client: Client, entry: Entry, target: Namespace, definition: Definition, count: int) -> None:
    """Raise EngineError if the server has fewer documents than it accepted.

    A capped collection drops the oldest. One with an index that lets documents expire may lose some at any time.
    """
    if any("expireAfterSeconds" in index for index in definition.indexes) or entry.type == TIME_SERIES:
        return
    kept = database_of(client, target.database).command("count", target.collection)["n"]
    if kept < count:
        code = "deployment.capped_too_small" if definition.options.get("capped") else "deployment.documents_missing"
        raise EngineError(Message(code, name=entry.namespace, kept=Count(kept), count=Count(count)))


def _batches(documents: Iterator[bytes]) -> Iterator[list[RawBSONDocument]]:
    batch: list[RawBSONDocument] = []
    size = 0
    for document in documents:
        if batch and (size + len(document) > _BATCH_BYTES or len(batch) == _BATCH_DOCUMENTS):
            yield batch
            batch, size = [], 0
        batch.append(RawBSONDocument(document))
        size += len(document)
    if batch:
        yield batch


def build_indexes(
    client: Client, entry: Entry, target: Namespace, definition: Definition, lacks: Lacks
) -> tuple[str, ...]:
    """Build all indexes with all their options, and return the names of those that the server has, sorted.

    Note an index that the server rejects, and an option that it ignores. Documents that break an index's own rule, such
    as two equal values in a unique one, are an EngineError.
    """
    # An index that lists no collation would get the collection's.
    own = {"collation": _SIMPLE} if "collation" in definition.options else {}
    wanted = [own | _current(index, _OBSOLETE_INDEX_OPTIONS) for index in definition.indexes if not _is_built_in(index)]
    if wanted:
        try:
            _create_indexes(client, target, wanted)
        except OperationFailure:
            # The server does not say which index it rejects. It skips those that it has built.
            for index in wanted:
                _create_one(client, entry, target, index, lacks)
    answer = database_of(client, target.database).cursor_command("listIndexes", target.collection, codec_options=CODEC)
    listed = {str(index["name"]): index for index in answer}
    rejected = {lack.index for lack in lacks if lack.namespace == entry.namespace}
    for index in wanted:
        name = str(index.get("name", ""))
        if name not in rejected and (option := _ignored(index, listed.get(name, {}))):
            ignored = Message("deployment.index_option_ignored", name=entry.namespace, index=name, option=option)
            lacks.note(Lack(entry.namespace, name, option), ignored)
    return tuple(sorted(listed))


def _create_one(client: Client, entry: Entry, target: Namespace, index: dict[str, Any], lacks: Lacks) -> None:
    name = str(index.get("name", ""))
    with refusals("deployment.index_refused", name=entry.namespace, index=name):
        try:
            _create_indexes(client, target, [index])
        except OperationFailure as error:
            if error.code == _DUPLICATE_KEY or is_unauthorized(error) or not lacks.tolerant:
                raise
            lacks.append(Lack(entry.namespace, name))


def _create_indexes(client: Client, target: Namespace, indexes: list[dict[str, Any]]) -> None:
    write(client, target.database, "createIndexes", target.collection, indexes=indexes)


def _is_id(index: Mapping[str, Any]) -> bool:
    return list(index.get("key", {})) == ["_id"] and index.get("name") == "_id_" and not index.get("clustered")


def _is_built_in(index: Mapping[str, Any]) -> bool:
    """Return whether the index belongs to the collection itself: the server builds it with the collection."""
    return _is_id(index) or bool(index.get("clustered"))


def _current(options: Mapping[str, Any], obsolete: frozenset[str]) -> dict[str, Any]:
    """Return the options that count. An option that is False is the same as none, but not every server knows it."""
    return {name: value for name, value in options.items() if name not in obsolete and value is not False}


def _ignored(wanted: Mapping[str, Any], built: Mapping[str, Any]) -> str:
    """Return the first option of an index that the server did not keep; "" if it kept all."""
    for option, value in wanted.items():
        has = built.get(option, _SIMPLE if option == "collation" else None)
        # The order of an index's fields matters, though dictionaries compare equal in any order.
        in_order = option != "key" or list(value) == list(has or ())
        if option not in _FREE_INDEX_OPTIONS and not (_keeps(has, value) and in_order):
            return option
    return ""


def create_view(client: Client, view: Entry, target: Namespace, definition: Definition) -> None:
    """Create the view. Raises EngineError."""
    with refusals("deployment.view_refused", name=view.namespace):
        _create(client, target, definition.options)


def in_order(views: Iterable[tuple[Entry, Definition]]) -> list[tuple[Entry, Definition]]:
    """Sort views so that each comes after the view that it reads."""
    waiting = {view.namespace: (view, definition) for view, definition in views}
    ordered: list[tuple[Entry, Definition]] = []

    def add(namespace: Namespace) -> None:
        if namespace in waiting:
            view, definition = waiting.pop(namespace)
            add(Namespace(namespace.database, str(definition.options.get("viewOn"))))
            ordered.append((view, definition))

    for namespace in sorted(waiting):
        add(namespace)
    return ordered


def write(client: Client, database: str, command: str, target: str, **options: Any) -> dict[str, Any]:
    """Run a command that writes to a collection, and return the answer once it is durable. Raises EngineError."""
    return _confirmed(database_of(client, database).command(command, target, **options, writeConcern=_DURABLE))


def _confirmed(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a write.

    Raises EngineError if a majority of the members has not confirmed the write in time: an election may undo it.
    """
    if error := answer.get("writeConcernError"):
        raise EngineError(Message("deployment.not_durable", why=_sentence(str(error.get("errmsg", "")))))
    return answer


@contextmanager
def refusals(code: str, **params: object) -> Iterator[None]:
    """Turn what a server says against an object into an EngineError: the message with this code, and `why`.

    A missing privilege is none of the object's faults.
    """
    try:
        yield
    except OperationFailure as error:
        if is_unauthorized(error):
            raise
        why = _sentence(str((error.details or {}).get("errmsg") or error))
        raise EngineError(Message(code, **params, why=failed_itself(error.code, why) or why)) from None


def _sentence(text: str) -> str:
    return redact(text if text.endswith(".") else f"{text}.")
