"""What a client sent to an instance, and what of it was acknowledged: the record that losses are found by."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from tests.e2e import console
from tests.faults.findings import Finding, Kind, require

# A number goes to the first database before it goes to the second, so no cut has it in the second alone.
DATABASES = ("first", "second")
_EVERY = 0.01
_READ_SECONDS = 30.0

Document = tuple[str, int]


def connect(port: int) -> pymongo.MongoClient[dict[str, Any]]:
    """A driver that says at once when the server does not answer, and repeats nothing by itself."""
    return console.connect(
        port,
        retryWrites=False,
        retryReads=False,
        serverSelectionTimeoutMS=2000,
        connectTimeoutMS=2000,
        socketTimeoutMS=10_000,
    )


def stored(port: int) -> frozenset[Document]:
    """Every document that the instance holds, once its server answers."""
    deadline = time.monotonic() + _READ_SECONDS
    with connect(port) as client:
        while True:
            try:
                return frozenset(
                    (name, document["_id"])
                    for name in DATABASES
                    for document in client[name]["numbers"].find({}, {"_id": 1})
                )
            except PyMongoError as error:
                if time.monotonic() > deadline:
                    raise Finding(Kind.STUCK, f"the server on port {port} does not answer: {error}") from error
                time.sleep(0.1)


@dataclass(frozen=True)
class Held:
    """What an instance or a copy of one has to hold at least, and may hold at most."""

    at_least: frozenset[Document] = frozenset()
    at_most: frozenset[Document] = frozenset()

    def verify(self, found: frozenset[Document], where: str) -> None:
        """Raise Finding if a document is missing, or there is one that nobody sent, or the cut is torn."""
        missing, strange = self.at_least - found, found - self.at_most
        require(
            not missing, Kind.LOST, f"{where}: {len(missing)} acknowledged documents, such as {sorted(missing)[:3]}"
        )
        require(not strange, Kind.BROKEN, f"{where} holds {len(strange)} too many, such as {sorted(strange)[:3]}")
        first, second = ({number for name, number in found if name == database} for database in DATABASES)
        require(second <= first, Kind.BROKEN, f"{where} is of two moments: {sorted(second - first)[:3]}")


class Ledger:
    """One client of one instance. Numbers are never used twice, so that nothing can stand for what was lost."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.documents = 0
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._sent: set[Document] = set()
        self._acknowledged: set[Document] = set()

    def held(self, *, since: Held | None = None) -> Held:
        """What the instance holds now; with `since`, what a copy holds that was cut at some moment since then."""
        with self._lock:
            at_least = since.at_least if since else frozenset(self._acknowledged)
            return Held(at_least, frozenset(self._sent))

    def reset(self, found: frozenset[Document]) -> None:
        """The instance was restored: what it holds now is what counts."""
        with self._lock:
            self._sent, self._acknowledged = set(found), set(found)

    def trim(self, most: int) -> None:
        """Delete the oldest documents over so many; those deletions are acknowledged, too."""
        numbers = sorted({number for _, number in self._sent})
        if len(numbers) <= most:
            return
        first = numbers[-most // 2]
        with connect(self.port) as client:
            for name in reversed(DATABASES):
                client[name]["numbers"].delete_many({"_id": {"$lt": first}})
        with self._lock:
            for documents in (self._sent, self._acknowledged):
                documents.difference_update([one for one in documents if one[1] < first])

    def insert(self, count: int) -> None:
        """Send so many documents that have to be acknowledged."""
        with connect(self.port) as client:
            for _ in range(count):
                self._insert(client)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A client writes in the background, and goes on when the server is away."""
        stop = threading.Event()
        thread = threading.Thread(target=self._write, args=[stop], daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)

    def _write(self, stop: threading.Event) -> None:
        with connect(self.port) as client:
            while not stop.wait(_EVERY):
                try:
                    self._insert(client)
                except PyMongoError:
                    stop.wait(0.1)

    def _insert(self, client: pymongo.MongoClient[dict[str, Any]]) -> None:
        number = next(self._numbers)
        for name in DATABASES:
            with self._lock:
                self._sent.add((name, number))
            client[name]["numbers"].insert_one({"_id": number, "text": f"{number} " * 60})
            with self._lock:
                self._acknowledged.add((name, number))
                self.documents += 1
