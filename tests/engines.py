"""The one stand-in for the database engine: no server, only files, for tests of what is done with them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from instances.engines.base import (
    Collection,
    Contents,
    Cut,
    Database,
    Engine,
    EngineError,
    Facts,
    Member,
    Server,
    nothing,
)
from instances.engines.embedded import process
from instances.engines.embedded.backup import blocks, owns

_FILE = "secantus_fake.wt"


def contents_of(**collections: int) -> Contents:
    """Contents with so many documents in each collection, whose names are `database__collection`."""
    databases: dict[str, list[Collection]] = {}
    for name, documents in sorted(collections.items()):
        database, collection = name.split("__")
        databases.setdefault(database, []).append(Collection(collection, documents, ("_id_",)))
    return Contents(tuple(Database(name, tuple(found)) for name, found in databases.items()))


def fill(data: Path, contents: Contents) -> None:
    """Put into the data directory what the stand-in takes for a database with these contents."""
    data.mkdir(parents=True, exist_ok=True)
    (data / _FILE).write_text(json.dumps(contents.to_document()))


def read(data: Path) -> Contents:
    return Contents.from_document(json.loads((data / _FILE).read_text()))


class FakeEngine(Engine):
    """A data directory is one file that says what it holds. `inspected` is what inspect() says instead, if set.

    `opened` looks when a cut is opened, or fails; `passwords` are those that were set, by home.
    """

    name = "SecantusDB"
    method = "Physical"

    def __init__(self) -> None:
        self.inspected: Contents | EngineError | None = None
        self.opened: Callable[[Server], None] = lambda server: None
        self.cuts: list[Server] = []
        self.passwords: dict[Path, str] = {}

    def alive(self, server: Server) -> bool:
        return process.data_dir(server.home).is_dir()

    def facts(self, server: Server) -> Facts:
        return Facts(
            engine=self.name,
            engine_version="0.7.0b3",
            storage_engine="WiredTiger",
            compatible_version="8.2",
            storage_bytes=4096,
            documents=read(process.data_dir(server.home)).documents,
            connections=0,
            uptime_seconds=1,
        )

    @contextmanager
    def backup(self, server: Server, waiting: Callable[[], None] = nothing) -> Iterator[Cut]:
        self.cuts.append(server)
        self.opened(server)
        path = process.data_dir(server.home) / _FILE
        contents = read(path.parent)

        def take(waiting: Callable[[], None] = nothing) -> Contents:
            waiting()
            return contents

        size = path.stat().st_size
        yield Cut(datetime.now(UTC), 0.01, [Member(f"data/{_FILE}", size, partial(blocks, path, size))], take)

    def owns(self, member: str) -> bool:
        return owns(member)

    def inspect(self, server: Server, report: Callable[[int, int], None]) -> Contents:
        report(1, 1)
        if isinstance(self.inspected, EngineError):
            raise self.inspected
        return self.inspected or read(process.data_dir(server.home))

    def set_password(self, server: Server, password: str) -> None:
        self.passwords[server.home] = password
