"""What a deployment says about itself."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import pymongo
from pymongo.errors import OperationFailure

from instances.engines.base import INTERNAL_DATABASES, Access, Client, EngineError, Facts
from instances.engines.deployment import hosts, tls
from instances.engines.deployment.connect import close, database_of, driver
from instances.engines.deployment.explain import explained, is_unauthorized

ALIVE_SECONDS = 3.0
FACTS_SECONDS = 30.0
# The connections of a Watch to the member that it asks: for commands, and for watching its state.
_OWN_CONNECTIONS = 2

Result = TypeVar("Result")


class Watch:
    """A lasting connection to a deployment. After a failure it looks the deployment's members up again.

    `why` says why the deployment was not alive, in a sentence; "" if it was.
    """

    def __init__(self, access: Access, resolver: hosts.Resolver = hosts.SYSTEM) -> None:
        self._access, self._resolver = access, resolver
        self._client: Client | None = None
        self._closed = False
        self.why = ""

    def alive(self) -> bool:
        """Return whether the deployment answers a read within a few seconds. A ping would prove little."""
        try:
            self._ask(ALIVE_SECONDS, _read)
        except EngineError as error:
            self.why = str(error)
            return False
        self.why = ""
        return True

    def facts(self) -> Facts:
        """Ask the deployment about itself. What the user has no right to read is left empty. Raises EngineError."""
        return self._ask(FACTS_SECONDS, facts)

    def certificate_expires(self) -> datetime | None:
        """Return when the end of the server's or the client's certificate stops the agent (UTC); None if unknown.

        If no member was reached, which an expired certificate may be the reason of, the first one that answers within
        a few seconds counts. Raises EngineError if the address leads nowhere.
        """
        if not self._access.tls:
            return None
        deadline = time.monotonic() + ALIVE_SECONDS
        member = self._client and reached(self._client)
        for host in [member] if member else hosts.seeds(self._access.address, self._resolver).hosts:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            with suppress(OSError):
                if server := tls.server_expires(host, self._access, left):
                    return tls.connection_ends(server, self._access)
        return None

    def close(self) -> None:
        """Close the connection. Requests that run now or come later end as if the deployment did not answer."""
        self._closed = True
        if self._client:
            close(self._client)

    def _ask(self, seconds: float, question: Callable[[Client], Result]) -> Result:
        client = self._client
        if client is None or self._closed:
            client = self._client = driver(self._access, seconds=FACTS_SECONDS, resolver=self._resolver)
            if self._closed:
                close(client)
        try:
            with explained(self._access, client), pymongo.timeout(seconds):
                return question(client)
        except EngineError:
            close(client)
            self._client = None
            raise


def _read(client: Client) -> None:
    try:
        client.admin.get_collection("system.version", read_preference=client.read_preference).find_one({}, {"_id": 1})
    except OperationFailure as error:
        # Without the right to read this collection, the refusal proves as much.
        if not is_unauthorized(error):
            raise


def reached(client: Client) -> hosts.Host | None:
    """Return the member that the driver has reached, by the name that it was reached by: the primary if it may be."""
    members = client.topology_description.server_descriptions()
    known = [each for each in members.values() if each.is_server_type_known]
    best = max(known, key=lambda each: each.is_writable, default=None)
    return (str(best.address[0]), int(best.address[1] or 27017)) if best else None


def facts(client: Client) -> Facts:
    """Return what the deployment says about itself. May raise the driver's errors."""
    build = ask(client, "buildInfo")
    status = _if_answered(client, "serverStatus")
    listed = _if_answered(client, "listDatabases", nameOnly=True)
    sizes = [_if_answered(client, "dbStats", database) for database in _names(listed)]
    engine, version = engine_of(build)
    name = str(status.get("storageEngine", {}).get("name", ""))
    return Facts(
        engine=engine,
        engine_version=version,
        storage_engine=name[:1].upper() + name[1:],
        compatible_version=".".join(str(build["version"]).split(".")[:2]),
        storage_bytes=sum(int(size.get("storageSize", 0)) + int(size.get("indexSize", 0)) for size in sizes),
        documents=sum(int(size.get("objects", 0)) for size in sizes),
        connections=max(int(status.get("connections", {}).get("current", 0)) - _OWN_CONNECTIONS, 0),
        uptime_seconds=int(status.get("uptime", 0)),
        instance_type=topology(client)[1],
    )


def engine_of(build: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the server is and its own version, from its answer to buildInfo."""
    if "psmdbVersion" in build:
        return "Percona Server for MongoDB", str(build["psmdbVersion"])
    if "secantusVersion" in build:
        return "SecantusDB", str(build["secantusVersion"])
    if isinstance(build.get("ferretdb"), Mapping):
        return "FerretDB", str(build["ferretdb"].get("version", "")).removeprefix("v")
    enterprise = "enterprise" in build.get("modules", ())
    return "MongoDB Enterprise" if enterprise else "MongoDB", str(build["version"])


def topology(client: Client) -> tuple[str, str]:
    """Return the topology in words, and the value of InstanceType for it. May raise the driver's errors."""
    return topology_of(ask(client, "hello"))


def topology_of(hello: Mapping[str, Any]) -> tuple[str, str]:
    """Return what topology() returns, from a server's answer to hello."""
    if hello.get("msg") == "isdbgrid":
        return "sharded", "Sharding"
    return ("replica set", "ReplicaSet") if hello.get("setName") else ("standalone", "Single")


def databases(client: Client) -> list[str]:
    """Return the names of the databases that the user may see, without those that servers keep for themselves."""
    return _names(ask(client, "listDatabases", nameOnly=True))


def _names(answer: Mapping[str, Any]) -> list[str]:
    return sorted({str(entry["name"]) for entry in answer.get("databases", ())} - INTERNAL_DATABASES)


def ask(client: Client, command: str, database: str = "admin", **options: Any) -> dict[str, Any]:
    """Run a command that only reads, on a member that backups may read from. May raise the driver's errors."""
    return database_of(client, database).command(command, read_preference=client.read_preference, **options)


def _if_answered(client: Client, command: str, database: str = "admin", **options: Any) -> dict[str, Any]:
    try:
        return ask(client, command, database, **options)
    except OperationFailure:
        # The user has not the right, or the server not the command: hosted ones leave some out.
        return {}
