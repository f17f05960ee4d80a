"""The facts that a server reports about itself when the agent asks."""

from instances.engines.base import EngineError, Facts, Server
from instances.engines.embedded import process
from instances.engines.embedded.client import driver, explained

NAME = "SecantusDB"
ALIVE_SECONDS = 3.0


class Watch:
    """A lasting connection to a server: signing in for every request would cost ten times as much as the request."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client = driver(server, seconds=ALIVE_SECONDS)

    def alive(self) -> bool:
        """Return whether the server answers a read in time. With a full disk it would still answer a ping."""
        try:
            with explained(self._server):
                self._client.admin.command("console.read")
        except EngineError:
            return False
        return True

    def facts(self) -> Facts:
        """Ask the server about itself. Raises EngineError."""
        with explained(self._server):
            status = self._client.admin.command("serverStatus")
            total = self._client.admin.command("console.documents")
        return Facts(
            engine=NAME,
            engine_version=status["secantus"]["version"],
            storage_engine=_storage_engine(status["storageEngine"]["name"]),
            compatible_version=".".join(status["version"].split(".")[:2]),
            storage_bytes=process.storage_bytes(self._server.home),
            documents=total["documents"],
            # Subtract the agent's connections: each driver has one for commands and one that monitors the server.
            connections=max(status["connections"]["current"] - (4 if total["backingUp"] else 2), 0),
            uptime_seconds=int(status["uptime"]),
        )

    def close(self) -> None:
        """Close the connection. Requests that run now or come later end as if the server did not answer."""
        self._client.close()


def _storage_engine(name: str) -> str:
    return name[:1].upper() + name[1:]
