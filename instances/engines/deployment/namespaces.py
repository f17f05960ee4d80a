"""What a dump has of a deployment, by the rules of mongodump: its collections, their options and their indexes."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import InvalidName, OperationFailure
from pymongo.read_concern import ReadConcern

from instances.engines.base import Client
from instances.engines.deployment import connect
from instances.engines.deployment.compare import TEMPORARY
from instances.engines.deployment.moment import PROBE
from instances.engines.deployment.mongodump import CODEC, COLLECTION, TIME_SERIES, VIEW, Definition, Entry, Namespace

# Users and roles. A dump has them first, in this order.
USERS = ("system.users", "system.roles", "system.version")
WITH_CREDENTIALS = Namespace("admin", "system.users")
_USERS = tuple(Namespace("admin", name) for name in USERS)
# What a router's database config says about the shards.
_SHARDS = frozenset({"chunks", "collections", "databases", "settings", "shards", "tags", "version"})
_BUCKETS = "system.buckets."
NAMESPACE_NOT_FOUND = 26

Document = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """One collection, view or time series of a deployment, with its size as the server estimates it."""

    entry: Entry
    indexes: tuple[str, ...]
    capped: bool = False
    uuid: str = ""
    documents: int = 0
    average_bytes: int = 0

    @property
    def bytes(self) -> int:
        return self.documents * self.average_bytes

    @property
    def is_view(self) -> bool:
        return self.entry.type == VIEW

    @property
    def about_users(self) -> bool:
        return self.entry.namespace in _USERS

    @property
    def about_the_server(self) -> bool:
        """Whether it describes users or shards, which servers do not read together with other collections."""
        return self.about_users or self.entry.namespace.database == "config"


def collection_of(client: Client, namespace: Namespace, concern: ReadConcern | None = None) -> Collection[Document]:
    """Return the collection, also if only other drivers or servers accept its name."""
    database = database_of(client, namespace.database)
    try:
        return database.get_collection(namespace.collection, read_concern=concern)
    except InvalidName:
        collection = database.get_collection("any", read_concern=concern)
        collection._name, collection._full_name = namespace.collection, str(namespace)
        return collection


def database_of(client: Client, name: str) -> Database[Document]:
    """Return the database, also if only other drivers or servers accept its name.

    Its codec is that of all but the first batch of a cursor of a command.
    """
    return connect.database_of(client, name, CODEC)


def found(client: Client, *, with_users: bool, waiting: Callable[[], None]) -> list[Found]:
    """Return everything that a dump has, users and roles first. Calls `waiting` after each collection."""
    everything = []
    for database, listed in _listed(client, with_users=with_users):
        names = {info["name"] for info in listed}
        for info in listed:
            if _dumped(database, info["name"]) and (each := _described(client, database, info, names)):
                everything.append(each)
            waiting()
    everything.sort(key=_order)
    return _sized(client, everything)


def identities(client: Client, *, with_users: bool) -> set[tuple[Namespace, str]]:
    """Return names and UUIDs of everything that a dump has."""
    return {
        (Namespace(database, info["name"]), _uuid(info))
        for database, listed in _listed(client, with_users=with_users)
        for info in listed
        if _dumped(database, info["name"])
    }


def uuids(client: Client, database: str, filter: Document) -> dict[str, str]:
    """Return the UUID of each collection of a database that matches the filter; "" if the server has none."""
    return {info["name"]: _uuid(info) for info in _infos(client, database, filter=filter)}


def _sized(client: Client, everything: list[Found]) -> list[Found]:
    """Estimate the size of documents from that of their database, where the server does not say it."""
    if all(each.average_bytes or not each.documents for each in everything):
        return everything
    reply = client.admin.command("listDatabases", read_preference=client.read_preference)
    sizes = {each["name"]: int(each.get("sizeOnDisk", 0)) for each in reply["databases"]}
    documents: Counter[str] = Counter()
    for each in everything:
        documents[each.entry.namespace.database] += each.documents
    averages = {name: sizes.get(name, 0) // max(count, 1) for name, count in documents.items()}
    return [
        each if each.average_bytes else replace(each, average_bytes=averages[each.entry.namespace.database])
        for each in everything
    ]


def _order(each: Found) -> tuple[int, Namespace]:
    namespace = each.entry.namespace
    return _USERS.index(namespace) if each.about_users else len(_USERS), namespace


def database_names(client: Client, *, preference: Any = None) -> set[str]:
    """Return the names of all databases. Raises OperationFailure if the user may not see some of them."""
    # Otherwise the server leaves out those that the user may not see, and a dump would lack them.
    options: dict[str, Any] = {"nameOnly": True, "authorizedDatabases": False, "read_preference": preference}
    return {str(each["name"]) for each in client.admin.command("listDatabases", **options)["databases"]}


def _listed(client: Client, *, with_users: bool) -> Iterator[tuple[str, list[Document]]]:
    """Yield each database that is dumped, with what listCollections says about its collections."""
    names = database_names(client, preference=client.read_preference) - {"local", "config", PROBE}
    if client.admin.command("hello").get("msg") == "isdbgrid":
        names.add("config")
    for name in sorted(names):
        yield name, [info for info in _infos(client, name) if name != "admin" or info["name"] not in USERS]
    if with_users:
        yield "admin", _users(client)


def _infos(client: Client, database: str, **options: Any) -> list[Document]:
    return list(
        database_of(client, database).cursor_command(
            "listCollections", codec_options=CODEC, read_preference=client.read_preference, **options
        )
    )


def _users(client: Client) -> list[Document]:
    """Return the collections of users and roles. Some servers have them without listing them."""
    listed = {info["name"]: info for info in _infos(client, "admin")}
    names = [name for name in USERS if name in listed or client.admin[name].find_one()]
    return [listed.get(name) or {"name": name} for name in names]


def _dumped(database: str, collection: str) -> bool:
    if database == "config":
        return collection in _SHARDS
    return (
        not collection.startswith(("system.", TEMPORARY))
        or collection == "system.js"
        or (database, collection) in _USERS
    )


def _described(client: Client, database: str, info: Document, names: set[str]) -> Found | None:
    """Return what the server says about a collection; None if it has been dropped."""
    namespace, options, kind = Namespace(database, info["name"]), info.get("options", {}), info.get("type", COLLECTION)
    if kind == TIME_SERIES and _BUCKETS + namespace.collection not in names:
        # The server has no buckets to read, so the documents are those that clients see.
        kind = COLLECTION
    indexes = [] if kind == VIEW else _indexes(client, namespace)
    if indexes is None and namespace not in _USERS:
        return None
    entry = Entry.defined(namespace, Definition(options, indexes or [], _uuid(info)), kind)
    documents, average = (0, 0) if kind == VIEW else _size(collection_of(client, entry.body))
    return Found(
        entry,
        tuple(sorted(str(index["name"]) for index in indexes or [])),
        capped=bool(options.get("capped")),
        uuid=_uuid(info),
        documents=documents,
        average_bytes=average,
    )


def _uuid(info: Document) -> str:
    uuid = info.get("info", {}).get("uuid")
    return bytes(uuid).hex() if uuid else ""


def _indexes(client: Client, namespace: Namespace) -> list[Document] | None:
    """Return the indexes of a collection; None if it has been dropped."""
    try:
        indexes = database_of(client, namespace.database).cursor_command(
            "listIndexes", namespace.collection, codec_options=CODEC, read_preference=client.read_preference
        )
        # Old servers repeat the namespace, which a restore may change.
        return [{key: value for key, value in index.items() if key != "ns"} for index in indexes]
    except OperationFailure as error:
        if error.code == NAMESPACE_NOT_FOUND:
            return None
        raise


def _size(collection: Collection[Document]) -> tuple[int, int]:
    """Return the number of documents and their average size in bytes, as the server estimates them, or 0."""
    with suppress(OperationFailure):
        stages: list[Document] = [{"$collStats": {"storageStats": {}, "count": {}}}]
        # Each shard answers for itself.
        stats = list(collection.aggregate(stages))
        documents = sum(int(each.get("count", 0)) for each in stats)
        size = sum(int(each["storageStats"].get("size", 0)) for each in stats)
        return documents, size // max(documents, 1)
    return 0, 0
