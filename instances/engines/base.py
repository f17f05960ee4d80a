"""What an engine is to the rest of the console: where a server is, what it says of itself, and what a backup takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

# The server and its tools write these themselves, also while a copy is checked, so no contents list them.
INTERNAL_DATABASES = frozenset({"local", "config"})
INTERNAL_COLLECTIONS = frozenset({"system.profile"})


class EngineError(Exception):
    """A database server did not do what it was asked. The message is a sentence for people."""


@dataclass(frozen=True)
class Server:
    """Where one instance's server is: its port, and its home with its files and the agent's key to it.

    A `private` one is for the console alone and listens on loopback, wherever instances listen.
    """

    port: int
    home: Path
    private: bool = False


@dataclass(frozen=True)
class Facts:
    """What a server says of itself. `compatible_version` is the MongoDB version that drivers may expect.

    `connections` are those of clients, without the agent's. `documents` is the server's own total over all databases.
    """

    engine: str
    engine_version: str
    storage_engine: str
    compatible_version: str
    storage_bytes: int
    documents: int
    connections: int
    uptime_seconds: int


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
    """What a cut holds, by database and collection, both sorted by name."""

    databases: tuple[Database, ...]

    @property
    def documents(self) -> int:
        return sum(database.documents for database in self.databases)

    def to_document(self) -> list[dict[str, Any]]:
        """Return the databases as plain lists and dictionaries, for JSON."""
        return [asdict(database) for database in self.databases]

    @classmethod
    def from_document(cls, raw: Any) -> Self:
        """Read what to_document() and JSON made. Raises ValueError, KeyError or TypeError."""
        return cls(tuple(_database(entry) for entry in raw))


def _database(raw: Mapping[str, Any]) -> Database:
    collections = tuple(
        Collection(_text(entry["name"]), _count(entry["documents"]), tuple(map(_text, entry["indexes"])))
        for entry in raw["collections"]
    )
    return Database(_text(raw["name"]), collections)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    if "\0" in value or value != value.encode(errors="replace").decode():
        raise ValueError(f"{value!r} is not text that a database keeps")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**60:
        raise TypeError(f"{value!r} is not a count")
    return value


@dataclass(frozen=True)
class Member:
    """One file of a backup: its name in the archive, its exact size in bytes, and a way to read it once, in blocks.

    A block is valid until the next one is asked for. read() raises EngineError if the file ends early.
    """

    name: str
    size: int
    read: Callable[[], Iterator[memoryview]]


def nothing() -> None:
    """Go on waiting."""


class TakeContents(Protocol):
    """Returns what a cut holds, when the server has counted it.

    `waiting` is called about once a second until then, and may raise to give up. Raises EngineError.
    """

    def __call__(self, waiting: Callable[[], None] = nothing) -> Contents: ...


@dataclass(frozen=True)
class Cut:
    """An open backup: every member shows the same moment, `at` (aware, UTC).

    `pause_seconds` is how long writers were held to take the cut.
    """

    at: datetime
    pause_seconds: float
    members: Sequence[Member]
    contents: TakeContents

    @property
    def bytes(self) -> int:
        return sum(member.size for member in self.members)


class Engine(Protocol):
    """One kind of database server. `name` is what its servers and archives call it, `method` the backup method."""

    name: str
    method: str

    def alive(self, server: Server) -> bool:
        """Return whether the server answers a read within a few seconds; a ping alone proves too little."""

    def facts(self, server: Server) -> Facts:
        """Ask the server about itself. Raises EngineError."""

    def backup(self, server: Server, waiting: Callable[[], None] = nothing) -> AbstractContextManager[Cut]:
        """Open a cut of all databases; leaving the context closes it.

        While the server is too busy for that, `waiting` is called every few seconds, and may raise to give up.
        Raises EngineError.
        """

    def owns(self, member: str) -> bool:
        """Return whether a member of this name can be one that this engine wrote."""

    def inspect(self, server: Server, report: Callable[[int, int], None]) -> Contents:
        """Validate every collection, count its documents and list its indexes, as a client sees them.

        `report` gets the collections done and to do, and may raise to give up. Raises EngineError with what is wrong.
        """

    def set_password(self, server: Server, password: str) -> None:
        """Give the instance's administrator this password, and make the administrator if there is none yet."""
