"""The interface of an engine to the rest of the console, and the types for servers and backups."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import pymongo

# The user that people sign in as, and the name of a replica set.
ADMINISTRATOR = "rwuser"
REPLICA_SET = "rs0"
# The server and its tools write these themselves, even while a copy is verified, so Contents leaves them out.
INTERNAL_DATABASES = frozenset({"local", "config"})
INTERNAL_COLLECTIONS = frozenset({"system.profile"})

Client = pymongo.MongoClient[dict[str, Any]]


class EngineError(Exception):
    """A database server failed to do something. The message is a sentence for people."""


class FilesDamaged(EngineError):
    """A database server works, but has found its own files damaged."""


class FilesInUse(Exception):
    """A server still uses the files of its instance."""


# What a backup shows of its databases: all at one moment, or each collection at a moment of its own.
ONE_MOMENT = "one moment"
NOT_ONE_MOMENT = "not one moment"
CONSISTENCIES = frozenset({ONE_MOMENT, NOT_ONE_MOMENT})


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of an engine for an instance.

    `methods` lists its backup methods, the preferred one first. `refusals` has one sentence for each kind of job that
    the engine cannot do.
    """

    methods: tuple[str, ...]
    refusals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Server:
    """The location of a server: its port, and its home with the database files and the agent's password.

    A `private` server is for the console alone and always listens on loopback.
    """

    port: int
    home: Path
    private: bool = False


@dataclass(frozen=True, kw_only=True)
class Access:
    """The way to reach an existing deployment. repr() shows none of its secrets.

    `address` is a connection string without user, password and anything that another field says. `ca` and `certificate`
    are PEM texts; `certificate` includes its private key. `mechanism` is empty if driver and server choose it.
    `reads_from` is a read preference such as "secondaryPreferred".

    `ways` are those of keeping all collections at one moment that a test has proved on this deployment, best first.
    `any_moment` allows a backup that is not of one moment if there is no such way. With `with_users` a backup has the
    users and roles too.
    """

    address: str
    user: str = ""
    password: str = field(default="", repr=False)
    auth_source: str = "admin"
    mechanism: str = ""
    tls: bool = False
    verify: bool = True
    ca: str = ""
    certificate: str = field(default="", repr=False)
    reads_from: str = "primary"
    ways: tuple[str, ...] = ()
    any_moment: bool = False
    with_users: bool = False


@dataclass(frozen=True)
class Facts:
    """The facts a server reports about itself. `compatible_version` is the MongoDB version that drivers may expect.

    `connections` counts the connections of clients, not the agent's. `documents` is the total of all databases.
    `instance_type` is empty if the instance's type was given when it was created.
    """

    engine: str
    engine_version: str
    storage_engine: str
    compatible_version: str
    storage_bytes: int
    documents: int
    connections: int
    uptime_seconds: int
    instance_type: str = ""


@dataclass(frozen=True)
class Collection:
    """One collection, view or time series at the moment of a cut. `indexes` are the names of its indexes, sorted."""

    name: str
    documents: int
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Database:
    name: str
    collections: tuple[Collection, ...]

    @property
    def documents(self) -> int:
        return sum(collection.documents for collection in self.collections)


@dataclass(frozen=True)
class Contents:
    """The contents of a cut by database and collection, both sorted by name."""

    databases: tuple[Database, ...]

    @property
    def documents(self) -> int:
        return sum(database.documents for database in self.databases)

    def to_document(self) -> list[dict[str, Any]]:
        """Return the databases as plain lists and dictionaries, for JSON."""
        return [asdict(database) for database in self.databases]

    @classmethod
    def from_document(cls, raw: Any) -> Self:
        """Read the result of to_document(), even from JSON. Raises ValueError, KeyError or TypeError."""
        return cls(tuple(_database(entry) for entry in raw))


def _database(raw: Mapping[str, Any]) -> Database:
    collections = tuple(
        Collection(
            checked_text(entry["name"]), checked_count(entry["documents"]), tuple(map(checked_text, entry["indexes"]))
        )
        for entry in raw["collections"]
    )
    return Database(checked_text(raw["name"]), collections)


def checked_text(value: Any) -> str:
    """Return a value from a JSON document if it is text that a database can store. Raises TypeError or ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    if "\0" in value or value != value.encode(errors="replace").decode():
        raise ValueError(f"{value!r} is not text that a database can store")
    return value


def checked_count(value: Any) -> int:
    """Return a value from a JSON document if it is a number of bytes or documents. Raises TypeError."""
    if type(value) is not int or not 0 <= value < 2**60:
        raise TypeError(f"{value!r} is not a count")
    return value


@dataclass(frozen=True)
class Member:
    """One file of a backup: its name in the archive, its exact size in bytes, and `read`, which yields it in blocks.

    Each block is valid until the next one is requested. read() works once, and raises EngineError if the file ends
    early.
    """

    name: str
    size: int
    read: Callable[[], Iterator[memoryview]]


def streamed_member(number: int) -> str:
    """Return the name of a member that was not known in advance, counted from 1."""
    return f"dump/{number:08d}"


def nothing() -> None:
    """Do nothing, so that the caller keeps waiting."""


class TakeContents(Protocol):
    """A function that returns the contents of a cut as soon as the server has counted them.

    Until then, it calls `waiting` about once a second, which may raise to give up. Raises EngineError.
    """

    def __call__(self, waiting: Callable[[], None] = nothing) -> Contents: ...


@dataclass(frozen=True)
class Cut:
    """An open backup. Unless `consistency` says otherwise, every member shows the same moment, `at` (aware, UTC).

    `pause_seconds` is how long writers had to wait while the cut was taken. `members` is a sequence if they are known
    in advance. Otherwise they are made while they are read, each before the next, and `expected_bytes` estimates their
    total size.
    """

    at: datetime
    pause_seconds: float
    members: Sequence[Member] | Iterator[Member]
    contents: TakeContents
    consistency: str = ONE_MOMENT
    expected_bytes: int = 0

    @property
    def known(self) -> Sequence[Member] | None:
        """The members if they are known in advance."""
        return self.members if isinstance(self.members, Sequence) else None

    @property
    def bytes(self) -> int:
        """The total size of the members, or an estimate if they are not known in advance."""
        return self.expected_bytes if self.known is None else sum(member.size for member in self.known)


class Watch(Protocol):
    """A lasting connection for checking a server's health and facts. Only one thread at a time may use it."""

    def alive(self) -> bool:
        """Return whether the server answers a read within a few seconds."""

    def facts(self) -> Facts:
        """Ask the server about itself. Raises EngineError."""

    def close(self) -> None:
        """Close the connection, from any thread."""


Place = TypeVar("Place", contravariant=True)


class Engine(Protocol[Place]):
    """One way to have a database server: on this host, or existing elsewhere. `method` is its backup method.

    A Server or an Access is the place of one server.
    """

    method: str

    def capabilities(self, instance_type: str) -> Capabilities:
        """Return what the engine can do for an instance of this type."""

    def watch(self, place: Place, /) -> Watch:
        """Return a connection for repeated checks. It connects when it is first used."""

    def alive(self, place: Place, /) -> bool:
        """Return whether the server answers a read within a few seconds. A ping proves little: see embedded/facts."""

    def facts(self, place: Place, /) -> Facts:
        """Ask the server about itself. Raises EngineError."""

    def backup(self, place: Place, waiting: Callable[[], None] = nothing, /) -> AbstractContextManager[Cut]:
        """Open a cut of all databases; leaving the context closes it.

        While the server is too busy, call `waiting` every few seconds; it may raise to give up. Raises EngineError.
        """

    def made(self, engine: str) -> bool:
        """Return whether this engine can have backed up a server that calls itself `engine`."""

    def owns(self, member: str) -> bool:
        """Return whether this engine can have written a member with this name."""


class Files(Protocol):
    """The database files on this host, each instance's in its home."""

    def prepare(self, home: Path) -> None:
        """Create a home with an empty data directory, readable only by its owner."""

    def data_dir(self, home: Path) -> Path:
        """Return the directory that holds the database files."""

    def storage_bytes(self, home: Path) -> int:
        """Return the total size of the database files."""

    def exclusive(self, home: Path, *, seconds: float = ...) -> AbstractContextManager[None]:
        """Lock the files against all servers, waiting for one that is ending. Raises FilesInUse after `seconds`."""

    def put_aside(self, home: Path) -> None:
        """Take the files of a stopped server out of use in one step. take_back() undoes it."""

    def take_back(self, home: Path) -> None:
        """Put files that were put aside back into use."""

    def discard_aside(self, home: Path) -> None:
        """Delete the files that were put aside."""


class Exchange(Protocol):
    """Exchanges an instance's files for restored ones. `tag` names one restoration: the id of its job."""

    def incoming(self, home: Path, tag: str) -> Path:
        """Return the directory to unpack into."""

    def place(self, home: Path, tag: str) -> None:
        """Make the unpacked files those of a home that has none."""

    def exchange(self, home: Path, tag: str) -> None:
        """Replace the files of a stopped server with the unpacked ones. Raises FilesInUse or OSError."""

    def settle(self, home: Path, tag: str, *, restored: bool) -> None:
        """End the restoration with the restored files or the previous ones. Raises FilesInUse or OSError."""

    def exchanged(self, home: Path, tag: str) -> bool:
        """Return whether the restored files are in use but not settled yet."""

    def tags(self, home: Path) -> set[str]:
        """Return the tags of the restorations that are not settled."""


class Processes(Protocol):
    """The server processes on this host."""

    def bindable(self, port: int) -> bool:
        """Return whether a server could listen on the port now."""

    def free_port(self) -> int:
        """Return a port of the loopback interface that nothing listens on now."""

    def spawn(
        self, home: Path, port: int, *, replica_set: bool = False, private: bool = False
    ) -> "subprocess.Popen[bytes]":
        """Start the server on the files in this home without waiting for it to answer. Main thread only."""

    def stop(self, process: "subprocess.Popen[bytes]", *, seconds: float = ...) -> None:
        """Ask the server to end, kill it after `seconds`, and wait until it has ended."""

    def last_words(self, home: Path) -> str:
        """Return the sentence that the last server of this home wrote at its end, or that its disk is full; or ""."""

    def rejected_files(self, home: Path) -> bool:
        """Return whether the server ended because files are missing, or contain something that no server wrote."""


class HostedEngine(Engine[Server], Protocol):
    """An engine whose servers and files are on this host. `name` is the name that its servers report."""

    name: str
    files: Files
    exchange: Exchange
    processes: Processes

    def scratch(self, home: Path) -> AbstractContextManager[Server]:
        """Run a server for the console alone on the files in `home`. Main thread only. Raises EngineError."""

    def connect(self, server: Server, *, seconds: float = 30.0) -> AbstractContextManager[Client]:
        """Yield a driver with one connection, signed in as the agent.

        The context turns a driver's error into an EngineError, including a timeout after `seconds`.
        """

    def inspect(self, server: Server, report: Callable[[int, int], None]) -> Contents:
        """Compare the indexes of every collection with its documents, then count and list both as a client sees them.

        `report` gets the collections done and the total; it may raise to give up. Raises FilesDamaged if a collection
        or an index is damaged, EngineError if the server fails to answer.
        """

    def set_password(self, server: Server, password: str) -> None:
        """Set the administrator's password, and create the administrator if there is none yet. Raises EngineError."""

    def keep_password(self, server: Server) -> bool:
        """Let the administrator keep the current password when a restore replaces the files.

        Return False if the server does not answer or has no administrator.
        """
