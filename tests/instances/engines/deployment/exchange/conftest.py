"""Deployments to restore over, and agents that end in the middle."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bson import Code
from pymongo.database import Database as DriverDatabase

from instances.engines.base import Client
from instances.engines.deployment import journal
from tests.instances.engines.deployment.exchange.restoring import Died
from tests.instances.engines.servers import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("original") / "home") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of a deployment with data that the backup replaces."""
    with server.client(serverSelectionTimeoutMS=1000) as client:
        for name in set(client.list_database_names()) - {"admin", "config", "local"}:
            client.drop_database(name)
        shop = client.shop
        shop.orders.insert_many([{"_id": number} for number in range(10, 13)])
        shop.orders.create_index("b")
        shop.was_collection.insert_one({"_id": 10})
        shop.command("create", "was_view", viewOn="orders", pipeline=[])
        shop.command("create", "other_view", viewOn="orders", pipeline=[])
        shop["system.js"].insert_one({"_id": "old", "value": Code("return 1")})
        client.gone.things.insert_one({"_id": 10})
        client.gone["system.js"].insert_one({"_id": "gone", "value": Code("return 1")})
        client.admin.tools.replace_one({"_id": 10}, {}, upsert=True)
        yield client


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("other") / "home") as running:
        yield running


@pytest.fixture
def other(other_server: Server) -> Iterator[Client]:
    """A client of another deployment, with the names that an exchange replaces and drops."""
    with other_server.client() as client:
        for name in set(client.list_database_names()) - {"admin", "config", "local"}:
            client.drop_database(name)
        client.shop.orders.insert_one({"_id": 1})
        client.shop.command("create", "other_view", viewOn="orders", pipeline=[])
        client.gone.things.insert_one({"_id": 1})
        for database in (client.shop, client.gone):
            database["system.js"].insert_one({"_id": "other", "value": Code("return 1")})
        yield client


@pytest.fixture
def die_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Return a function that ends the agent before its nth step; it returns the list that the steps are added to."""
    steps: list[str] = []
    last = 0

    def step(name: str) -> None:
        if len(steps) >= last:
            raise Died
        steps.append(name)

    def arm(number: int) -> list[str]:
        nonlocal last
        last = number
        command, cursor_command, write, remove = (
            DriverDatabase.command,
            DriverDatabase.cursor_command,
            journal.write,
            journal.remove,
        )

        def wrapped(original: Any, name: Callable[..., str]) -> Any:
            def call(*arguments: Any, **options: Any) -> Any:
                step(name(*arguments))
                return original(*arguments, **options)

            return call

        monkeypatch.setattr(DriverDatabase, "command", wrapped(command, lambda _database, name, *_: name))
        monkeypatch.setattr(journal, "write", wrapped(write, lambda _directory, written: written.state))
        monkeypatch.setattr(journal, "remove", wrapped(remove, lambda _directory: "remove"))

        def read(*arguments: Any, **options: Any) -> Any:
            if len(steps) >= last:
                raise Died
            return cursor_command(*arguments, **options)

        monkeypatch.setattr(DriverDatabase, "cursor_command", read)
        return steps

    return arm


@pytest.fixture
def once_planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[journal.Journal], object]], None]:
    """Return a function that sets what another client does just after the exchange is planned."""

    def do(work: Callable[[journal.Journal], object]) -> None:
        written = journal.write

        def write(directory: Path, planned: journal.Journal) -> None:
            written(directory, planned)
            if planned.state == journal.State.EXCHANGING:
                work(planned)

        monkeypatch.setattr(journal, "write", write)

    return do
