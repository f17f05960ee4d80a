"""The check of a restored copy: read its server collection by collection, as a client would."""

from collections.abc import Callable, Mapping
from typing import Any

from console.text.messages import Message
from instances.engines.base import (
    INTERNAL_COLLECTIONS,
    INTERNAL_DATABASES,
    Client,
    Collection,
    Contents,
    Database,
    FilesDamaged,
    Server,
)
from instances.engines.embedded.client import connected

# The longest time that the check of one collection may take: about 0.1 s for 1,000 documents with two indexes.
_INSPECT_SECONDS = 24 * 3600.0


def inspect(server: Server, report: Callable[[int, int], None]) -> Contents:
    """Compare the indexes of every collection with its documents, then count and list both as a client sees them.

    `report` gets the collections done and the total; it may raise to give up. Raises FilesDamaged if a collection or an
    index is damaged, EngineError if the server fails to answer.
    """
    with connected(server, seconds=_INSPECT_SECONDS) as client:
        names = sorted(set(client.list_database_names()) - INTERNAL_DATABASES)
        found = {name: described for name in names if (described := _collections(client, name))}
        total, done = sum(map(len, found.values())), 0
        databases = []
        for name, described in found.items():
            collections = []
            for each in described:
                collections.append(_inspect(client, name, each))
                done += 1
                report(done, total)
            databases.append(Database(name, tuple(collections)))
    return Contents(tuple(databases))


def _collections(client: Client, database: str) -> list[dict[str, Any]]:
    described = [dict(each) for each in client[database].list_collections() if each["name"] not in INTERNAL_COLLECTIONS]
    return sorted(described, key=lambda each: str(each["name"]))


def _inspect(client: Client, database: str, described: Mapping[str, Any]) -> Collection:
    name, kind = described["name"], described["type"]
    if kind == "view":
        return Collection(name, 0)
    verdict = client.admin.command("console.check", of=database, collection=name)
    if not verdict["valid"]:
        raise FilesDamaged(Message("server.collection_damaged", name=f"{database}.{name}"))
    if verdict["damaged"]:
        damaged = ", ".join(verdict["damaged"])
        raise FilesDamaged(Message("server.index_damaged", name=f"{database}.{name}", indexes=damaged))
    # Commands take every name that the server has; the driver's collections reject some of them.
    listed = client[database].cursor_command("listIndexes", name)
    indexes = sorted(index["name"] for index in listed)
    return Collection(name, client[database].command("count", name)["n"], tuple(indexes))
