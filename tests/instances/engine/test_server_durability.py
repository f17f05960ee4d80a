"""What was acknowledged is there after kill -9."""

import random
import threading
from collections import Counter

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import ConnectionFailure

from instances.engine.wire import Document
from tests.instances.engine.servers import Server
from tests.waiting import wait_for

WRITERS = 4


class Writers:
    """Threads that write until the server is gone, and remember what was acknowledged."""

    def __init__(self, server: Server, round_number: int) -> None:
        self.acknowledged: set[str] = set()
        self.tried: set[str] = set()
        self.increments: Counter[str] = Counter()
        self._client = MongoClient[Document](
            "127.0.0.1", server.port, serverSelectionTimeoutMS=500, retryWrites=True, retryReads=False
        )
        self._threads = [
            threading.Thread(target=self._write, args=(f"{round_number}-{number}", number)) for number in range(WRITERS)
        ]
        for thread in self._threads:
            thread.start()

    def _write(self, name: str, number: int) -> None:
        database = self._client["shop" if number % 2 else "stock"]
        write = (self._singly, self._in_batches, self._incrementing, self._singly)[number]
        try:
            for count in range(1_000_000):
                write(database, f"{name}-{count}")
        except ConnectionFailure:
            pass

    def _singly(self, database: Database[Document], name: str) -> None:
        self.tried.add(name)
        database.items.insert_one({"_id": name, "text": "x" * 100})
        self.acknowledged.add(name)

    def _in_batches(self, database: Database[Document], name: str) -> None:
        names = [f"{name}-{n}" for n in range(50)]
        self.tried.update(names)
        database.items.insert_many([{"_id": item, "text": "x" * 300} for item in names])
        self.acknowledged.update(names)

    def _incrementing(self, database: Database[Document], name: str) -> None:
        counter = f"{name.rsplit('-', 1)[0]}-counter"
        database.counters.update_one({"_id": counter}, {"$inc": {"n": 1}}, upsert=True)
        self.increments[counter] += 1

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        self._client.close()


def test_what_concurrent_writers_were_told_is_stored_is_there_after_each_kill(server: Server) -> None:
    chance = random.Random(27017)
    acknowledged: set[str] = set()
    tried: set[str] = set()
    increments: Counter[str] = Counter()
    for number in range(4):
        writers = Writers(server, number)
        enough = len(acknowledged) + chance.randrange(200, 900)
        wait_for(lambda: len(acknowledged | writers.acknowledged) > enough)  # noqa: B023
        server.kill()
        writers.join()
        acknowledged |= writers.acknowledged
        tried |= writers.tried
        increments += writers.increments
        server.start()
        with MongoClient[Document]("127.0.0.1", server.port) as mongo:
            stored = {item["_id"] for name in ("shop", "stock") for item in mongo[name].items.find({}, {"_id": 1})}
            counted = {item["_id"]: item["n"] for item in mongo["stock"].counters.find()}
            assert acknowledged <= stored <= tried
            # One more may have been made whose acknowledgement did not arrive.
            assert all(times <= counted[counter] <= times + 1 for counter, times in increments.items())
            assert all(mongo[name].command("validate", "items")["valid"] for name in ("shop", "stock"))
    assert len(increments) == 4


def test_a_batch_is_there_whole_or_not_at_all_after_a_kill(server: Server) -> None:
    documents = [{"n": n, "text": "x" * 500} for n in range(1000)]
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        with MongoClient[Document]("127.0.0.1", server.port, serverSelectionTimeoutMS=500) as mongo:
            try:
                while True:
                    mongo["shop"].items.insert_many([dict(document) for document in documents])
                    acknowledged += 1
            except ConnectionFailure:
                pass

    writer = threading.Thread(target=write)
    writer.start()
    wait_for(lambda: acknowledged > 3)
    server.kill()
    writer.join()
    server.start()
    with MongoClient[Document]("127.0.0.1", server.port) as mongo:
        stored = mongo["shop"].items.count_documents({})
    assert stored in (acknowledged * 1000, acknowledged * 1000 + 1000)
