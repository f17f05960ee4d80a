"""The only fake database engines, for tests of the jobs that use them: one has files but no server, one neither."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

from instances.engines.base import (
    NOT_ONE_MOMENT,
    ONE_MOMENT,
    Access,
    Capabilities,
    Client,
    Collection,
    Contents,
    Cut,
    Database,
    EngineError,
    Facts,
    HostedEngine,
    Member,
    Server,
    Watch,
    nothing,
    streamed_member,
)
from instances.engines.deployment import facts
from instances.engines.deployment.building import Lack, Lacks
from instances.engines.deployment.engine import Deployment
from instances.engines.deployment.testing_connection import Tested
from instances.engines.embedded import process
from instances.engines.embedded.copy_under_cursor import blocks, owns
from instances.engines.embedded.engine import Embedded

_FILE = "secantus_fake.wt"


def contents_of(**collections: int) -> Contents:
    """Return contents with the given number of documents in each collection, named `database__collection`."""
    databases: dict[str, list[Collection]] = {}
    for name, documents in sorted(collections.items()):
        database, collection = name.split("__")
        databases.setdefault(database, []).append(Collection(collection, documents, ("_id_",)))
    return Contents(tuple(Database(name, tuple(found)) for name, found in databases.items()))


def fill(data: Path, contents: Contents) -> None:
    """Write the file that FakeEngine reads as a database with these contents."""
    data.mkdir(parents=True, exist_ok=True)
    (data / _FILE).write_text(json.dumps(contents.to_document()))


def read(data: Path) -> Contents:
    return Contents.from_document(json.loads((data / _FILE).read_text()))


class FakeEngine(HostedEngine):
    """An engine whose data directory is one file with its contents.

    If `inspected` is set, inspect() returns or raises it. `opened` is called when a cut is opened, and may raise.
    `cuts` lists the servers whose cuts were opened; `passwords` contains the passwords that were set, by home.
    """

    name = "SecantusDB"
    method = "Physical"
    files, exchange, processes = Embedded.files, Embedded.exchange, Embedded.processes

    def __init__(self) -> None:
        self.inspected: Contents | EngineError | None = None
        self.opened: Callable[[Server], None] = lambda server: None
        self.cuts: list[Server] = []
        self.passwords: dict[Path, str] = {}

    def capabilities(self, instance_type: str) -> Capabilities:
        return Capabilities(methods=(self.method,))

    def watch(self, server: Server, /) -> Watch:
        raise NotImplementedError

    def alive(self, server: Server, /) -> bool:
        return process.data_dir(server.home).is_dir()

    def facts(self, server: Server, /) -> Facts:
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
    def connect(self, server: Server, *, seconds: float = 30.0) -> Iterator[Client]:
        """Yield the server itself, which is all that FakeDeployment.load() needs."""
        yield cast(Client, server)

    @contextmanager
    def backup(self, server: Server, waiting: Callable[[], None] = nothing, /) -> Iterator[Cut]:
        self.cuts.append(server)
        self.opened(server)
        path = process.data_dir(server.home) / _FILE
        contents = read(path.parent)

        def take(waiting: Callable[[], None] = nothing) -> Contents:
            waiting()
            return contents

        size = path.stat().st_size
        yield Cut(datetime.now(UTC), 0.01, [Member(f"data/{_FILE}", size, partial(blocks, path, size))], take)

    def made(self, engine: str) -> bool:
        return engine == self.name

    def owns(self, member: str) -> bool:
        return owns(member)

    def inspect(self, server: Server, report: Callable[[int, int], None]) -> Contents:
        report(1, 1)
        if isinstance(self.inspected, EngineError):
            raise self.inspected
        return self.inspected or read(process.data_dir(server.home))

    def set_password(self, server: Server, password: str) -> None:
        self.passwords[server.home] = password

    def keep_password(self, server: Server) -> bool:
        return server.home in self.passwords

    def scratch(self, home: Path) -> AbstractContextManager[Server]:
        raise NotImplementedError


class FakeDeployment(Deployment):
    """Existing deployments that exist only here: `data` has the contents of each, by its address.

    `opened` is called when a cut is opened, and `streamed` before each of its members; both may raise. `estimate` is
    how much larger than its dump a deployment believes to be. `accesses` lists how the cuts were opened.

    `down` has the reason why a deployment does not answer. `asked` is called when one is asked whether it is alive.
    `loading` is called before a dump is in the server, and `exchanging` before it replaces the data; both may raise.
    `brought` is what load() then says was in it, and `lacks` what the server lacks of it. `probed` says whether the
    last test was allowed to write. `seen` is what all say about themselves, `tested` what a test finds.
    """

    def __init__(self) -> None:
        self.data: dict[str, Contents] = {}
        self.opened: Callable[[Access], None] = lambda access: None
        self.streamed: Callable[[int, Callable[[], None]], None] = lambda number, waiting: None
        self.estimate = 1.0
        self.accesses: list[Access] = []
        self.down: dict[str, str] = {}
        self.asked: Callable[[Access], None] = lambda access: None
        self.seen = Facts("MongoDB", "8.0.4", "WiredTiger", "8.0", 4096, 12, 3, 60, "ReplicaSet")
        self.watches: list[FakeWatch] = []
        self.probed: bool | None = None
        self.loading: Callable[[], None] = nothing
        self.exchanging: Callable[[], None] = nothing
        self.brought: Contents | None = None
        self.lacks: list[Lack] = []
        self.tags: dict[Path, str] = {}
        self.tested = Tested([], self.seen, "ReplicaSet", ("transaction",), None)

    @contextmanager
    def backup(self, access: Access, waiting: Callable[[], None] = nothing, /) -> Iterator[Cut]:
        self.accesses.append(access)
        self.opened(access)
        contents = self.data[access.address]
        dump = json.dumps(contents.to_document()).encode()

        def members() -> Iterator[Member]:
            half = len(dump) // 2 + 1
            for number, part in enumerate((dump[:half], dump[half:]), start=1):
                self.streamed(number, waiting)
                yield Member(streamed_member(number), len(part), partial(iter, [memoryview(part)]))

        def take(waiting: Callable[[], None] = nothing) -> Contents:
            waiting()
            return contents

        consistency = ONE_MOMENT if access.ways else NOT_ONE_MOMENT
        expected = int(len(dump) * self.estimate)
        yield Cut(datetime.now(UTC), 0.0, members(), take, consistency=consistency, expected_bytes=expected)

    def watch(self, access: Access, /) -> "FakeWatch":
        return FakeWatch(self, access)

    def load(
        self, client: Client, blocks: Iterator[memoryview], report: Callable[[int], None], lacks: Lacks
    ) -> Contents:
        lacks.extend(self.lacks)
        report(0)
        contents = _read_dump(blocks)
        self.loading()
        fill(process.data_dir(cast(Server, client).home), contents)
        report(contents.documents)
        return self.brought or contents

    def restored_part(self, contents: Contents) -> Contents:
        return contents

    def restore(
        self,
        access: Access,
        blocks: Iterator[memoryview],
        expected: Callable[[], Contents],
        report: Callable[[int], None],
        *,
        tag: str,
        directory: Path,
        empty: bool = False,
    ) -> Contents:
        if empty and self.data[access.address].databases:
            raise EngineError("It is not empty.")
        journal = directory / "exchange.json"
        self.tags[directory] = tag
        journal.write_text("loading")
        try:
            contents = _read_dump(blocks)
            report(contents.documents)
            self.loading()
            assert expected() == contents
        except BaseException:
            if access.address not in self.down:
                journal.unlink()
            raise
        journal.write_text(json.dumps(contents.to_document()))
        self.exchanging()
        self.data[access.address] = contents
        return contents

    def settle(self, access: Access, directory: Path) -> bool:
        if why := self.down.get(access.address):
            raise EngineError(why)
        text = (directory / "exchange.json").read_text()
        if text == "loading":
            return False
        self.data[access.address] = Contents.from_document(json.loads(text))
        return True

    def journaled(self, directory: Path, tag: str = "") -> bool:
        return (directory / "exchange.json").exists() and tag in {"", self.tags.get(directory)}

    def forget(self, directory: Path) -> None:
        (directory / "exchange.json").unlink(missing_ok=True)

    def test(self, access: Access, report: Callable[[], None], *, probe: bool) -> Tested:
        self.asked(access)
        self.probed = probe
        report()
        if why := self.down.get(access.address):
            raise EngineError(why)
        return self.tested


def _read_dump(blocks: Iterator[memoryview]) -> Contents:
    return Contents.from_document(json.loads(b"".join(map(bytes, blocks))))


class FakeWatch(facts.Watch):
    """Watches a deployment of a FakeDeployment, which is down if `down` has a reason for its address."""

    def __init__(self, engine: FakeDeployment, access: Access) -> None:
        self.engine, self.access = engine, access
        engine.watches.append(self)
        self.closed = False

    def alive(self) -> bool:
        self.engine.asked(self.access)
        self.why = self.engine.down.get(self.access.address, "")
        return not self.why

    def facts(self) -> Facts:
        return self.engine.seen

    def certificate_expires(self) -> datetime | None:
        return self.engine.tested.certificate_expires

    def close(self) -> None:
        self.closed = True
