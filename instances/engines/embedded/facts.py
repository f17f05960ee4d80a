"""What a server reports about itself when the agent asks it."""

from instances.engines.base import EngineError, Facts, Server
from instances.engines.embedded import process
from instances.engines.embedded.client import connected

NAME = "SecantusDB"
ALIVE_SECONDS = 3.0


def alive(server: Server) -> bool:
    """Return whether the server answers a read in time. A server whose disk is full would still answer a ping."""
    try:
        with connected(server, seconds=ALIVE_SECONDS) as client:
            client.admin.command("find", "console.health", limit=1)
    except EngineError:
        return False
    return True


def facts(server: Server) -> Facts:
    """Ask the server about itself. Raises EngineError."""
    with connected(server, seconds=ALIVE_SECONDS) as client:
        status = client.admin.command("serverStatus")
        total = client.admin.command("console.documents")
    return Facts(
        engine=NAME,
        engine_version=status["secantus"]["version"],
        storage_engine=_storage_engine(status["storageEngine"]["name"]),
        compatible_version=".".join(status["version"].split(".")[:2]),
        storage_bytes=process.storage_bytes(server.home),
        documents=total["documents"],
        # Without the agent's: a driver has one connection for commands and one that monitors the server.
        connections=max(status["connections"]["current"] - (4 if total["backingUp"] else 2), 0),
        uptime_seconds=int(status["uptime"]),
    )


def _storage_engine(name: str) -> str:
    return name[:1].upper() + name[1:]
