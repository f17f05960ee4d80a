"""Servers of a few lines that speak MongoDB's wire protocol and answer what a test scripts.

They stand for what no server here is: a router of a sharded cluster, a server that keeps its snapshot reads, one whose
snapshot became too old, a failover in the middle of a read, an old version. They are contracts, not evidence: they show
what the console does with an answer as MongoDB documents it, not that MongoDB gives this answer.

    with Scripted(find=refuse(239, "SnapshotTooOld")) as server:
        with connected(Access(address=server.address)) as client: ...
"""

import contextlib
import itertools
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import bson
from bson import Timestamp
from bson.int64 import Int64

Document = dict[str, Any]
Answer = Callable[[Document], Mapping[str, Any]]
_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_HEADER = struct.Struct("<iiii")

ROUTER = {"msg": "isdbgrid"}


class CloseConnection(Exception):
    """Close the connection instead of answering."""


def refuse(code: int, name: str, text: str = "") -> Answer:
    """Return an answer that is an error with this code, name and text."""
    return lambda _command: {"ok": 0.0, "code": code, "codeName": name, "errmsg": text or name}


def hang_up(_command: Document) -> Mapping[str, Any]:
    """Close the connection, as a server that ends does."""
    raise CloseConnection


class Scripted:
    """A server, and a context manager that starts and ends it. It requires no user.

    Each keyword is the answer to the command of this name: a document, or a function of the command. `hello` changes
    fields of its answer to hello, and may be changed later. `commands` has all commands that came, but for hellos.
    """

    def __init__(self, *, hello: Mapping[str, Any] | None = None, **answers: Answer | Mapping[str, Any]) -> None:
        self.hello: Document = {
            "isWritablePrimary": True,
            "ismaster": True,
            "minWireVersion": 0,
            "maxWireVersion": 21,
            "maxBsonObjectSize": 16777216,
            "maxMessageSizeBytes": 48000000,
            "maxWriteBatchSize": 100000,
            "logicalSessionTimeoutMinutes": 30,
            **(hello or {}),
        }
        self.answers: dict[str, Answer | Mapping[str, Any]] = {
            "ping": {},
            "buildInfo": {"version": "7.0.14", "modules": []},
            "listDatabases": {"databases": []},
            "connectionStatus": {"authInfo": {"authenticatedUsers": [], "authenticatedUserRoles": []}},
            "endSessions": {},
            "killCursors": {},
            "abortTransaction": {},
            **answers,
        }
        self.commands: list[Document] = []
        # Set while the server answers nothing.
        self.silent = threading.Event()
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        scripted = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(CloseConnection, ConnectionError):
                    while scripted._answer_one(self.request):
                        pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, block_on_close = True, False

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def member(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def address(self) -> str:
        return f"mongodb://{self.member}/"

    def named(self, name: str) -> list[Document]:
        """Return the commands of this name that came."""
        return [command for command in self.commands if next(iter(command)) == name]

    def _answer_one(self, connection: Any) -> bool:
        """Answer one message. Return False at the end of the connection."""
        header = _received(connection, _HEADER.size)
        if len(header) < _HEADER.size:
            return False
        length, request, _to, code = _HEADER.unpack(header)
        if code not in {_OP_MSG, _OP_QUERY} or length > 48_000_000:
            return False
        body = _received(connection, length - _HEADER.size)
        command = _command(code, body)
        while self.silent.is_set() and not self._ended.wait(0.01):
            pass
        answer = {"ok": 1.0, **self._answer(command)}
        document = bson.encode(answer)
        if code == _OP_MSG:
            reply = struct.pack("<IB", 0, 0) + document
            sent = _HEADER.pack(_HEADER.size + len(reply), 0, request, _OP_MSG) + reply
        else:
            reply = struct.pack("<iqii", 8, 0, 0, 1) + document
            sent = _HEADER.pack(_HEADER.size + len(reply), 0, request, _OP_REPLY) + reply
        connection.sendall(sent)
        return True

    def _answer(self, command: Document) -> Mapping[str, Any]:
        name = next(iter(command))
        if name.lower() in {"hello", "ismaster"}:
            return self.hello
        self.commands.append(command)
        answer = self.answers.get("buildInfo" if name == "buildinfo" else name) or refuse(
            59, "CommandNotFound", f"no such command: '{name}'"
        )
        return answer(command) if callable(answer) else answer


def _received(connection: Any, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size and (part := connection.recv(size - len(parts))):
        parts += part
    return bytes(parts)


def _command(code: int, body: bytes) -> Document:
    if code == _OP_QUERY:
        return bson.decode(body[body.index(b"\0", 4) + 9 :])
    command: Document = {}
    position = 4
    while position < len(body):
        kind, position = body[position], position + 1
        (size,) = struct.unpack_from("<i", body, position)
        if kind == 0:
            command = bson.decode(body[position : position + size]) | command
        else:
            end = body.index(b"\0", position + 4)
            documents = bson.decode_all(body[end + 1 : position + size])
            command = command | {body[position + 4 : end].decode(): documents}
        position += size
    return command


class Kept:
    """A small store that keeps every state of its collections, and reads them at an atClusterTime.

    `answers` are those of a server; with `honest=False` it promises the moment and reads the present. It knows only
    what the console sends when it proves a way of reading.
    """

    def __init__(self, *, honest: bool = True) -> None:
        self.honest = honest
        self._states: dict[str, list[tuple[Timestamp, dict[Any, Document]]]] = {}
        self._cursors: dict[int, list[Document]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._started = int(time.time())

    @property
    def answers(self) -> dict[str, Any]:
        return {
            name: getattr(self, f"_{name}")
            for name in ("insert", "update", "delete", "find", "getMore", "aggregate", "drop", "listCollections")
        }

    def _now(self) -> Timestamp:
        return Timestamp(self._started, next(self._numbers))

    def _at(self, name: str, when: Timestamp | None = None) -> dict[Any, Document]:
        states = self._states.get(name, [])
        return next((dict(state) for time, state in reversed(states) if when is None or time <= when), {})

    def _written(self, name: str, state: dict[Any, Document], count: int) -> Document:
        now = self._now()
        self._states.setdefault(name, []).append((now, state))
        return {"n": count, "nModified": count, "operationTime": now}

    def _insert(self, command: Document) -> Document:
        new = {document["_id"]: document for document in command["documents"]}
        return self._written(command["insert"], self._at(command["insert"]) | new, len(new))

    def _update(self, command: Document) -> Document:
        state = self._at(command["update"])
        for each in command["updates"]:
            state[each["q"]["_id"]] = state[each["q"]["_id"]] | each["u"]["$set"]
        return self._written(command["update"], state, len(command["updates"]))

    def _delete(self, command: Document) -> Document:
        state = self._at(command["delete"])
        gone = [key for each in command["deletes"] for key in each["q"]["_id"]["$in"]]
        kept = {key: document for key, document in state.items() if key not in gone}
        return self._written(command["delete"], kept, len(gone))

    def _find(self, command: Document) -> Document:
        now = self._now()
        when = command.get("readConcern", {}).get("atClusterTime")
        state = self._at(command["find"], when if self.honest else None)
        documents = [state[key] for key in sorted(state)]
        return self._batch("firstBatch", documents, command, {"atClusterTime": when or now}) | {"operationTime": now}

    def _getMore(self, command: Document) -> Document:  # noqa: N802 - the command's name
        return self._batch("nextBatch", self._cursors.pop(command["getMore"]), command, {})

    def _batch(self, name: str, documents: list[Document], command: Document, more: Document) -> Document:
        size = command.get("batchSize") or 101
        number = next(self._numbers) if len(documents) > size else 0
        self._cursors[number] = documents[size:]
        namespace = f"{command['$db']}.{command.get('find') or command.get('collection')}"
        return {"cursor": {name: documents[:size], "id": Int64(number), "ns": namespace, **more}}

    def _aggregate(self, command: Document) -> Document:
        """Answer what count_documents() asks."""
        counted = [{"_id": 1, "n": len(self._at(command["aggregate"]))}]
        return {"cursor": {"firstBatch": counted, "id": Int64(0), "ns": "any.any"}}

    def _drop(self, command: Document) -> Document:
        return self._written(command["drop"], {}, 0)

    def _listCollections(self, _command: Document) -> Document:  # noqa: N802 - the command's name
        return {"cursor": {"firstBatch": [], "id": Int64(0), "ns": "any.$cmd.listCollections"}}


@contextlib.contextmanager
def replica_set(*members: Scripted, name: str = "rs0") -> Iterator[str]:
    """Start servers as a replica set whose primary is the first; yield its address."""
    with contextlib.ExitStack() as stack:
        for member in members:
            stack.enter_context(member)
        elect(members[0], *members[1:], name=name)
        yield f"mongodb://{','.join(member.member for member in members)}/?replicaSet={name}"


def elect(primary: Scripted, *secondaries: Scripted, name: str = "rs0") -> None:
    """Make a server the primary, and the others its secondaries."""
    everyone = [primary.member, *(member.member for member in secondaries)]
    term = time.monotonic_ns()
    for member in (primary, *secondaries):
        leads = member is primary
        member.hello |= {"setName": name, "hosts": everyone, "me": member.member, "primary": primary.member}
        member.hello |= {"isWritablePrimary": leads, "ismaster": leads, "secondary": not leads, "setVersion": 1}
        member.hello.pop("electionId", None)
        if leads:
            member.hello["electionId"] = bson.ObjectId(f"{term:024x}"[-24:])
