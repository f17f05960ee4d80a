"""What an instance's server says of itself, and of its databases, when it is asked by a driver."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from console.text.sentences import sentence as _
from instances.engines.base import (
    INTERNAL_COLLECTIONS,
    INTERNAL_DATABASES,
    Collection,
    Contents,
    Database,
    EngineError,
    Facts,
    Server,
)
from instances.engines.embedded import process
from instances.engines.embedded.connect import Client, connected

NAME = "SecantusDB"
ALIVE_SECONDS = 3.0
# The longest that one collection may take to be read.
_INSPECT_SECONDS = 3600.0


def alive(server: Server) -> bool:
    """Return whether the server answers a read in time. A server whose disk is full still answers pings."""
    try:
        with connected(server, seconds=ALIVE_SECONDS) as client:
            client.admin.command("find", "console.health", limit=1)
    except EngineError:
        return False
    return True


def facts(server: Server) -> Facts:
    """Ask the server. Raises EngineError."""
    with connected(server, seconds=ALIVE_SECONDS) as client:
        status = client.admin.command("serverStatus")
        said = client.admin.command("console.documents")
    return Facts(
        engine=NAME,
        engine_version=status["secantus"]["version"],
        storage_engine=_storage_engine(status["storageEngine"]["name"]),
        compatible_version=".".join(status["version"].split(".")[:2]),
        storage_bytes=storage_bytes(server.home),
        documents=said["documents"],
        # Without the agent's own: a driver has one that asks and one that watches the server.
        connections=max(status["connections"]["current"] - (4 if said["backingUp"] else 2), 0),
        uptime_seconds=int(status["uptime"]),
    )


def _storage_engine(name: str) -> str:
    return name[:1].upper() + name[1:]


def storage_bytes(home: Path) -> int:
    """Return the bytes of an instance's database files and their logs."""
    total = 0
    with contextlib.suppress(FileNotFoundError):
        for file in process.data_dir(home).iterdir():
            with contextlib.suppress(FileNotFoundError):
                total += file.stat().st_size
    return total


def inspect(server: Server, report: Callable[[int, int], None]) -> Contents:
    """Validate every collection, count its documents and list its indexes, as a client sees them.

    `report` gets the collections done and to do. Raises EngineError with what is wrong, or what `report` raised.
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
    collection = client[database][name]
    if kind == "view":
        return Collection(name, 0)
    if kind == "collection":
        verdict = client[database].command("validate", name)
        if not verdict["valid"]:
            raise EngineError(_("The collection %s is damaged.") % f"{database}.{name}")
    indexes = sorted(index["name"] for index in collection.list_indexes())
    return Collection(name, collection.count_documents({}), tuple(indexes))
