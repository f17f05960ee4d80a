"""How the agent connects to an instance's server: signed in as its own user, by a driver."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from django.conf import settings
from pymongo.errors import OperationFailure, PyMongoError

from console.text.sentences import sentence as _
from instances.engines.base import EngineError, Server
from instances.engines.embedded import process

# A server that is there accepts a connection at once, however long it then takes to answer.
_CONNECT_MILLISECONDS = 10_000

Client = pymongo.MongoClient[dict[str, Any]]


@contextmanager
def connected(server: Server, *, seconds: float = 30.0) -> Iterator[Client]:
    """Yield a driver on one connection. What a server does not do within `seconds`, or refuses, is an EngineError."""
    user, password = process.agent(server.home)
    milliseconds = int(seconds * 1000)
    soon = min(milliseconds, _CONNECT_MILLISECONDS)
    client: Client = pymongo.MongoClient(
        process.LOOPBACK if server.private else process.address(),
        server.port,
        username=user,
        password=password,
        authSource="admin",
        authMechanism="SCRAM-SHA-256",
        directConnection=True,
        appname="console",
        # A backup belongs to the connection that opened it.
        maxPoolSize=1,
        retryReads=False,
        connectTimeoutMS=soon,
        serverSelectionTimeoutMS=soon,
        socketTimeoutMS=milliseconds,
        # A reply says everything of a server that is asked only now and then.
        serverMonitoringMode="poll",
        **_tls(),
    )
    try:
        yield client
    except OperationFailure as error:
        raise EngineError(_of_a_backup(error) or _("The database server refused: %s") % _sentence(error)) from error
    except PyMongoError as error:
        raise EngineError(_("The database server does not answer on port %d.") % server.port) from error
    finally:
        client.close()


def refusal(error: OperationFailure) -> str:
    """Return the name of the reason, such as BackupIsOpen; "" if it has none."""
    return str((error.details or {}).get("codeName", ""))


def _of_a_backup(error: OperationFailure) -> str:
    """What launcher.py says of backups, as people read it; "" of everything else."""
    reasons = {
        "BackupIsOpen": _("Another backup of this instance is open."),
        "BackupHasEnded": _("The database server or the connection to it ended while the backup was running."),
        "BackupNotCounted": _("The documents of the backup could not be counted."),
        "ServerIsBusy": _("The database server is busy with a long operation, such as building an index."),
    }
    return reasons.get(refusal(error), "")


def _sentence(error: OperationFailure) -> str:
    said = (error.details or {}).get("errmsg") or str(error)
    return said if said.endswith(".") else f"{said}."


def _tls() -> dict[str, Any]:
    if not settings.CONSOLE_DB_TLS_CERTIFICATE:
        return {}
    # The certificate names the address that clients use, not the one by which its own host reaches the server.
    ca = {"tlsCAFile": settings.CONSOLE_DB_TLS_CA} if settings.CONSOLE_DB_TLS_CA else {}
    return {"tls": True, "tlsAllowInvalidHostnames": True, **ca}
