"""The agent's connection to a server: a driver signed in as the agent's user."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from django.conf import settings
from pymongo.errors import InvalidName, OperationFailure, PyMongoError

from console.text.messages import Message
from instances.engines.base import Client, EngineError, Server
from instances.engines.embedded import process

# A running server accepts a connection at once, however long it then takes to answer.
_CONNECT_MILLISECONDS = 10_000
# The names of the errors that a server also reports when it cannot write.
_WITHOUT_REASON = {"", "InternalError", "BackupHasEnded"}


@contextmanager
def connected(server: Server, *, seconds: float = 30.0) -> Iterator[Client]:
    """Yield a driver with one connection. Raises EngineError if the server refuses, or takes longer than `seconds`."""
    client = driver(server, seconds=seconds)
    try:
        with explained(server):
            yield client
    finally:
        client.close()


def driver(server: Server, *, seconds: float) -> Client:
    """Return a driver that connects when it is first used, and again after an error; the caller closes it."""
    user, password = process.agent(server.home)
    milliseconds = int(seconds * 1000)
    soon = min(milliseconds, _CONNECT_MILLISECONDS)
    return pymongo.MongoClient(
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
        # Streaming the server's state would take an additional connection, which the agent does not need.
        serverMonitoringMode="poll",
        **_tls(),
    )


@contextmanager
def explained(server: Server) -> Iterator[None]:
    """Turn a driver's error into an EngineError with a sentence for people."""
    try:
        yield
    except InvalidName as error:
        raise EngineError(Message("server.foreign_name", why=error)) from error
    except PyMongoError as error:
        raise EngineError(_reason(server, error)) from error


def refusal(error: OperationFailure) -> str:
    """Return the name of the server's reason, such as BackupIsOpen; "" if the error has none."""
    return str((error.details or {}).get("codeName", ""))


def _reason(server: Server, error: PyMongoError) -> str:
    """Return the sentence for an error of the driver.

    A full disk causes many different errors, so look for it first, unless the server gives a reason of its own.
    """
    names_a_reason = isinstance(error, OperationFailure) and refusal(error) not in _WITHOUT_REASON
    if not names_a_reason and process.disk_is_full(server.home):
        return Message("server.disk_full")
    if isinstance(error, OperationFailure):
        return _backup_failure(error) or Message("server.refused", why=_sentence(error))
    return Message("server.unreachable", port=server.port)


def _backup_failure(error: OperationFailure) -> str:
    """Return the translated sentence for an error of the launcher's backup commands; "" for any other error."""
    codes = {
        "BackupIsOpen": "server.backup_open",
        "BackupHasEnded": "server.backup_ended",
        "BackupNotCounted": "server.backup_not_counted",
        "ServerIsBusy": "server.busy",
    }
    code = codes.get(refusal(error))
    return Message(code) if code else ""


def _sentence(error: OperationFailure) -> str:
    message = (error.details or {}).get("errmsg") or str(error)
    return message if message.endswith(".") else f"{message}."


def _tls() -> dict[str, Any]:
    if not settings.CONSOLE_DB_TLS_CERTIFICATE:
        return {}
    # The certificate names the address that clients use; the agent may use another one on the same host.
    ca = {"tlsCAFile": settings.CONSOLE_DB_TLS_CA} if settings.CONSOLE_DB_TLS_CA else {}
    return {"tls": True, "tlsAllowInvalidHostnames": True, **ca}
