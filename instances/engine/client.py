"""A small client for the console's own questions to its servers; documents in and out, one command at a time."""

import socket
import time
from types import TracebackType
from typing import Any, Self

from instances.engine import wire
from instances.engine.reason import Reason
from instances.engine.wire import Document


class EngineError(Reason):
    """A server did not answer, or refused; the text is a sentence. `code` is MongoDB's, 0 without an answer."""

    def __init__(self, text: str, *, code: int = 0, **figures: object) -> None:
        super().__init__(text, **figures)
        self.code = code


class Connection:
    """A connection to the server on a loopback port; raises EngineError if there is none."""

    def __init__(self, port: int, *, timeout: float = 3.0) -> None:
        try:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout)
        except OSError as error:
            raise EngineError("No database server answers on port %(port)d.", port=port) from error
        self._timeout = timeout

    def command(self, body: Document, *, database: str = "admin") -> Document:
        """Send one command and return its reply.

        Raises EngineError if the server refuses it, or has not answered within the connection's timeout. The
        connection is of no use after the latter, since the reply may still come.
        """
        deadline = time.monotonic() + self._timeout
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(wire.encode({**body, "$db": database}))
            length, _, _, _ = wire.HEADER.unpack(self._receive(wire.HEADER.size, deadline))
            if not wire.HEADER.size < length <= wire.MAX_MESSAGE_BYTES:
                raise wire.Malformed("a message has a wrong length")
            reply = wire.decode(self._receive(length - wire.HEADER.size, deadline)).body
        except TimeoutError as error:
            raise EngineError(
                "The database server did not answer within %(timeout)g s.", timeout=self._timeout
            ) from error
        except (OSError, wire.Malformed) as error:
            raise EngineError("The connection to the database server broke.") from error
        if reply.get("ok") != 1:
            raise EngineError(
                "The database server refused: %(why)s", why=reply.get("errmsg"), code=reply.get("code", 8)
            )
        return reply

    def _receive(self, size: int, deadline: float) -> bytes:
        received = bytearray()
        while len(received) < size:
            if (seconds := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            self._socket.settimeout(seconds)
            part = self._socket.recv(min(size - len(received), 1 << 20))
            if not part:
                raise ConnectionResetError
            received += part
        return bytes(received)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def command(port: int, body: dict[str, Any], *, database: str = "admin", timeout: float = 3.0) -> Document:
    """Send one command over a connection of its own; see Connection.command."""
    with Connection(port, timeout=timeout) as connection:
        return connection.command(body, database=database)


def ping(port: int, timeout: float = 3.0) -> bool:
    """True if a server on this port answers in time."""
    try:
        command(port, {"ping": 1}, timeout=timeout)
    except EngineError:
        return False
    return True
