"""A snapshot of a real server's databases while drivers write to it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from neosqlite import Connection  # type: ignore[import-untyped]
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from instances.engine import process
from instances.engine.snapshot import snapshot
from tests.instances.snapshot.databases import ignore
from tests.waiting import wait_for


@pytest.fixture
def home(tmp_path: Path) -> Path:
    process.prepare(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def port(home: Path) -> Iterator[int]:
    """The port of a running server of that home."""
    port = next(port for port in range(21_000, 22_000) if process.bindable(port))
    server = process.spawn(home, port)
    try:
        wait_for(lambda: answers(port), because="the server's answer")
        yield port
    finally:
        process.stop(server)


def connect(port: int) -> MongoClient[dict[str, Any]]:
    return MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=2000)


def answers(port: int) -> bool:
    with connect(port) as client:
        try:
            return bool(client.admin.command("ping"))
        except PyMongoError:
            return False


class Pairs:
    """A client that inserts {_id: "<name>-<n>"} into `first`, then into `second`, for n = 0, 1, ..."""

    def __init__(self, port: int, name: str) -> None:
        self.port, self.name, self.acknowledged = port, name, 0
        self.stop = threading.Event()

    def write(self) -> None:
        with connect(self.port) as client:
            while not self.stop.is_set():
                for database in ("first", "second"):
                    client[database]["numbers"].insert_one(
                        {"_id": f"{self.name}-{self.acknowledged}", "text": "x" * 300}
                    )
                self.acknowledged += 1


@contextmanager
def writing(port: int, names: tuple[str, ...]) -> Iterator[list[Pairs]]:
    clients = [Pairs(port, name) for name in names]
    with ThreadPoolExecutor(len(clients)) as threads:
        running = [threads.submit(client.write) for client in clients]
        try:
            wait_for(lambda: all(client.acknowledged > 3 for client in clients), because="the first writes")
            yield clients
        finally:
            for client in clients:
                client.stop.set()
        for one in running:
            one.result()


def test_a_snapshot_shows_one_moment_of_all_databases(home: Path, port: int, tmp_path: Path) -> None:
    names = ("a", "b")
    with writing(port, names) as clients:
        for number in range(3):
            before = [client.acknowledged for client in clients]
            taken = snapshot(process.data_dir(home), tmp_path / str(number), progress=ignore)
            copies = {copy.name: Connection(str(copy.path)) for copy in taken.databases}
            for name, acknowledged in zip(names, before, strict=True):
                first, second = (ids(copies[database], name) for database in ("first", "second"))
                assert first == [f"{name}-{count}" for count in range(len(first))]
                assert second in (first, first[:-1])
                assert len(second) >= acknowledged
            for copy in taken.databases:
                counted = {collection.name: collection.documents for collection in copy.collections}
                engine = copies[copy.name]
                assert counted == {name: engine[name].count_documents({}) for name in engine.list_collection_names()}
                engine.close()


def ids(database: Any, writer: str) -> list[str]:
    everything = [document["_id"] for document in database["numbers"].find().sort("id")]
    return sorted((one for one in everything if one.startswith(f"{writer}-")), key=lambda one: int(one.split("-")[1]))


def test_a_server_that_has_just_started_has_a_snapshot(home: Path, port: int, tmp_path: Path) -> None:
    taken = snapshot(process.data_dir(home), tmp_path / "staging", progress=ignore)
    assert [collection for copy in taken.databases for collection in copy.collections] == []


def test_databases_created_and_dropped_meanwhile_do_no_harm(home: Path, port: int, tmp_path: Path) -> None:
    stop = threading.Event()

    def come_and_go() -> int:
        rounds = 0
        with connect(port) as client:
            while not stop.is_set():
                client[f"passing-{rounds % 3}"]["numbers"].insert_one({"a": 1})
                client.drop_database(f"passing-{(rounds + 1) % 3}")
                rounds += 1
        return rounds

    with connect(port) as client, ThreadPoolExecutor(1) as threads:
        client["shop"]["orders"].insert_many([{"number": number} for number in range(500)])
        visitor = threads.submit(come_and_go)
        try:
            for number in range(5):
                taken = snapshot(process.data_dir(home), tmp_path / str(number), progress=ignore)
                (shop,) = (copy for copy in taken.databases if copy.name == "shop")
                assert [(count.name, count.documents) for count in shop.collections] == [("orders", 500)]
        finally:
            stop.set()
        assert visitor.result() > 0
        assert client["shop"]["orders"].count_documents({}) == 500
