"""A record of what a client sent to an instance and what was acknowledged, to detect losses."""

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

# Each number goes to the first database before the second, so no cut has it only in the second.
DATABASES = ("first", "second")
_EVERY = 0.01
_READ_SECONDS = 30.0

Document = tuple[str, int]


def connect(port: int, **login: str) -> pymongo.MongoClient[dict[str, Any]]:
    """Connect with a driver that reports at once when the server does not answer, and never retries by itself.

    `login` is the user and the password, if they are not those of the instances of tests.
    """
    return console.connect(
        port,
        **login,
        retryWrites=False,
        retryReads=False,
        serverSelectionTimeoutMS=2000,
        connectTimeoutMS=2000,
        socketTimeoutMS=10_000,
    )


def stored(port: int, **login: str) -> frozenset[Document]:
    """Return every document in the instance, once its server answers."""
    deadline = time.monotonic() + _READ_SECONDS
    with connect(port, **login) as client:
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
    """The documents that an instance or its copy must contain at least, and may contain at most."""

    at_least: frozenset[Document] = frozenset()
    at_most: frozenset[Document] = frozenset()

    def verify(self, found: frozenset[Document], where: str) -> None:
        """Raise Finding if a document is missing, if there is one that was never sent, or if the cut is torn."""
        missing, strange = self.at_least - found, found - self.at_most
        require(
            not missing, Kind.LOST, f"{where}: {len(missing)} acknowledged documents, such as {sorted(missing)[:3]}"
        )
        require(not strange, Kind.BROKEN, f"{where} holds {len(strange)} too many, such as {sorted(strange)[:3]}")
        first, second = ({number for name, number in found if name == database} for database in DATABASES)
        require(second <= first, Kind.BROKEN, f"{where} is of two moments: {sorted(second - first)[:3]}")


class Ledger:
    """One client of one instance. It never reuses a number, so that no new document can replace a lost one."""

    def __init__(self, port: int, **login: str) -> None:
        self.port, self.login = port, login
        self.documents = 0
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._sent: set[Document] = set()
        self._acknowledged: set[Document] = set()

    def stored(self) -> frozenset[Document]:
        return stored(self.port, **self.login)

    def held(self, *, since: Held | None = None) -> Held:
        """Return what the instance contains now; with `since`, what a copy contains that was cut after `since`."""
        with self._lock:
            at_least = since.at_least if since else frozenset(self._acknowledged)
            return Held(at_least, frozenset(self._sent))

    def reset(self, found: frozenset[Document]) -> None:
        """Take the contents of the restored instance as the new record."""
        with self._lock:
            self._sent, self._acknowledged = set(found), set(found)

    def trim(self, most: int) -> None:
        """Delete the oldest documents if there are more than `most`; the server acknowledges the deletions too."""
        numbers = sorted({number for _, number in self._sent})
        if len(numbers) <= most:
            return
        first = numbers[-most // 2]
        with connect(self.port, **self.login) as client:
            for name in reversed(DATABASES):
                client[name]["numbers"].delete_many({"_id": {"$lt": first}})
        with self._lock:
            for documents in (self._sent, self._acknowledged):
                documents.difference_update([one for one in documents if one[1] < first])

    def insert(self, count: int) -> None:
        """Send that many documents; each must be acknowledged."""
        with connect(self.port, **self.login) as client:
            for _ in range(count):
                self._insert(client)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write in the background, and go on while the server is down."""
        stop = threading.Event()
        thread = threading.Thread(target=self._write, args=[stop], daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(30)

    def _write(self, stop: threading.Event) -> None:
        with connect(self.port, **self.login) as client:
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
