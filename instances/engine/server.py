"""The database server of one instance, run as `python -m instances.engine.server --home H --port N --parent-pid P`.

It serves the databases in H/data to drivers on 127.0.0.1:N until SIGTERM, SIGINT or the death of its parent. The
engine is nx-27017; what it must not do is kept from it by `guards` and `commands`. It writes one sentence to
stderr and exits with 1 when it cannot start.
"""

import argparse
import asyncio
import contextlib
import ctypes
import faulthandler
import fcntl
import logging
import os
import resource
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from instances.engine import commands, wire
from instances.engine.calls import Engine
from instances.engine.guards import CommandError
from instances.engine.process import LOCK_NAME
from instances.engine.wire import Document

log = logging.getLogger(__name__)

MAX_CLIENTS = 1000
_WORKERS = 64
_LOCK_SECONDS = 15.0
# A stop takes at most 10 s: commands may end, are then interrupted, the files are closed.
_DRAIN_SECONDS, _INTERRUPT_SECONDS, _CLOSE_SECONDS, _STOP_SECONDS = 5.0, 1.0, 2.5, 9.5
# A regular expression of a query can hold the interpreter for ever; then nothing else would run, not even a
# signal handler, so a thread outside the interpreter ends the process.
_STUCK_SECONDS, _ALIVE_SECONDS = 20.0, 5.0
_PR_SET_PDEATHSIG = 1
_DECODED_AT_ONCE = 4096


class CannotStart(Exception):
    """Why the server does not start, as one sentence."""


class Server:
    """The clients' connections: reads their commands, has them run in threads, writes the replies."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="command")
        self._clients: dict[asyncio.Task[None], bool] = {}  # True while a command of theirs runs
        self._stopping = False

    async def run(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then finish the commands that run; longer ones are interrupted."""
        server = await asyncio.start_server(self._client, sock=listening, limit=1 << 20)
        log.info("Listening on %s:%d", *listening.getsockname())
        await _wait(stop)
        self._stopping = True
        server.close()
        for task, busy in self._clients.items():
            if not busy:
                task.cancel()
        if self._clients:
            _, running = await asyncio.wait(self._clients, timeout=_DRAIN_SECONDS)
            if running:
                self._engine.handler.interrupt()
                await asyncio.wait(running, timeout=_INTERRUPT_SECONDS)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._clients) >= MAX_CLIENTS:
            writer.close()
            return
        self._clients[task] = False
        self._engine.handler.increment_connections()
        try:
            while not self._stopping:
                await self._exchange(task, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # The client left, or the server stops.
        except wire.Malformed as error:
            log.warning("Closed a connection: %s", error)
        finally:
            self._engine.handler.decrement_connections()
            self._engine.results.forget_those_of(id(writer))
            del self._clients[task]
            writer.close()

    async def _exchange(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one message. Raises Malformed if where the next one starts is not known."""
        length, request_id, _, opcode = wire.HEADER.unpack(await reader.readexactly(wire.HEADER.size))
        if not wire.HEADER.size < length <= wire.MAX_MESSAGE_BYTES:
            raise wire.Malformed("a message has a wrong length")
        if opcode not in (wire.OP_MSG, wire.OP_QUERY):
            raise wire.Malformed("a message has an unknown opcode")
        payload = await reader.readexactly(length - wire.HEADER.size)
        self._clients[task] = True
        if opcode == wire.OP_QUERY:
            reply: bytes | None = _greet(payload, request_id)
        else:
            reply = await self._answer(payload, request_id, id(writer))
        if reply is not None:
            writer.write(reply)
            await writer.drain()
        self._clients[task] = False

    async def _answer(self, payload: bytes, request_id: int, owner: object) -> bytes | None:
        request = None
        if len(payload) <= _DECODED_AT_ONCE:
            try:
                request = wire.decode(payload)
            except wire.Malformed as error:
                return _malformed(payload, request_id, error)
            reply = commands.instant(request.body)
            if reply is not None:
                return wire.encode(reply, answers=request_id) if request.wants_reply else None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, self._run, payload, request, request_id, owner)

    def _run(self, payload: bytes, request: wire.Request | None, request_id: int, owner: object) -> bytes | None:
        try:
            request = request or wire.decode(payload)
        except wire.Malformed as error:
            return _malformed(payload, request_id, error)
        reply = commands.instant(request.body) or commands.run(self._engine, request.body, owner)
        return _encoded(reply, request_id) if request.wants_reply else None


def _encoded(reply: Document, request_id: int) -> bytes:
    try:
        message = wire.encode(reply, answers=request_id)
        if len(message) > wire.MAX_MESSAGE_BYTES:
            raise ValueError("The reply is too large")
    except Exception as error:
        log.warning("A reply could not be sent: %s", type(error).__name__)
        message = wire.encode(
            CommandError(10334, "BSONObjectTooLarge", "The reply cannot be sent").reply(), answers=request_id
        )
    return message


def _malformed(payload: bytes, request_id: int, error: wire.Malformed) -> bytes | None:
    if wire.more_to_come(payload):
        return None
    return wire.encode(CommandError(9, "FailedToParse", str(error)).reply(), answers=request_id)


def _greet(payload: bytes, request_id: int) -> bytes:
    """The answer to an OP_QUERY, with which older handshakes begin; commands do not come this way any more."""
    name, query = wire.decode_query(payload)
    reply = commands.instant(query) if query and name.endswith(".$cmd") else None
    if reply is None:
        reply = CommandError(352, "UnsupportedOpQueryCommand", "Only the handshake may use OP_QUERY").reply()
    return wire.encode_reply(reply, answers=request_id)


async def _wait(stop: asyncio.Event) -> None:
    """Wait for `stop`, showing the watchdog meanwhile that the interpreter runs."""
    while not stop.is_set():
        faulthandler.dump_traceback_later(_STUCK_SECONDS, exit=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _ALIVE_SECONDS)
    faulthandler.dump_traceback_later(_STOP_SECONDS, exit=True)


def _die_with_parent(parent: int) -> None:
    """Be sent SIGTERM when the parent ends. Raises CannotStart if it has already."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise CannotStart(f"The server cannot be tied to its parent: {os.strerror(ctypes.get_errno())}.")
    if os.getppid() != parent:
        raise CannotStart("The process that started the server has ended.")


def _lock(home: Path) -> None:
    """Lock the instance's home for this process's life, waiting for a predecessor that is still closing."""
    try:
        descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"The home {home} cannot be used: {os.strerror(error.errno or 0)}.") from error
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise CannotStart("Another server is using the files of this instance.") from None
            time.sleep(0.05)
        else:
            return


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        raise CannotStart(f"Port {port} cannot be used: {os.strerror(error.errno or 0)}.") from error
    return listening


def _open(home: Path) -> Engine:
    data = home / "data"
    try:
        data.mkdir(mode=0o700, exist_ok=True)
        return Engine(data)
    except Exception as error:
        raise CannotStart(f"The database files cannot be opened: {error}.") from error


async def _serve(engine: Engine, listening: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_without_contents)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Server(engine).run(listening, stop)


def _log_without_contents(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("%s: %s", context.get("message"), type(context.get("exception")).__name__)


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # They log documents.
    for name in ("nx_27017", "neosqlite"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def main() -> int:
    """Run the server to its end and return its exit code."""
    parser = argparse.ArgumentParser(prog="instances.engine.server")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    options = parser.parse_args()
    _log_to_stderr()
    os.umask(0o077)
    try:
        _die_with_parent(options.parent_pid)
        _lock(options.home)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536) if most > 0 else 65536, most))
        listening = _listen(options.port)
        engine = _open(options.home)
        faulthandler.dump_traceback_later(_STUCK_SECONDS, exit=True)
        asyncio.run(_serve(engine, listening))
    except (CannotStart, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    closed = engine.handler.close(_CLOSE_SECONDS)
    log.info("Stopped" if closed else "Stopped; a command had to be cut off")
    sys.stderr.flush()
    # Not by the ordinary way, which would wait for a command that cannot be interrupted.
    os._exit(0 if closed else 1)


if __name__ == "__main__":
    sys.exit(main())
