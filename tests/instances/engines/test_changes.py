"""Changes of collections and indexes, cut off by a kill: each is there wholly or not at all."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pymongo.errors import DuplicateKeyError, PyMongoError

from tests.instances.engines.servers import Client, Server, documents_of, inspect

DOCUMENTS = 20_000


def rename(client: Client) -> None:
    client.shop.orders.rename("renamed")


def drop(client: Client) -> None:
    client.shop.orders.drop()


def index(client: Client) -> None:
    client.shop.orders.create_index("number")


def unless_killed(change: Callable[[Client], None], client: Client) -> None:
    with suppress(PyMongoError):
        change(client)


@pytest.mark.parametrize("change", [rename, drop, index])
def test_a_killed_server_has_the_whole_change_or_nothing_of_it(
    tmp_path: Path, change: Callable[[Client], None]
) -> None:
    with Server(tmp_path / "home") as server:
        client = server.client(retryWrites=False)
        client.shop.orders.insert_many([{"number": number} for number in range(DOCUMENTS)])
        for pause in (0.05, 0.2, 0.4, 0.8):
            work = threading.Thread(target=unless_killed, args=[change, client])
            work.start()
            work.join(pause)
            server.kill()
            work.join()
            server.start()
            held = documents_of(inspect(server))
            if held != {"shop.orders": DOCUMENTS}:
                assert held in ({}, {"shop.renamed": DOCUMENTS})
                break
            shop = server.client().shop
            if "number_1" in shop.orders.index_information():
                assert shop.orders.count_documents({"number": {"$gte": 0}}, hint="number_1") == DOCUMENTS
                break


def insert_into_new_databases(client: Client, acknowledged: list[str]) -> None:
    for number in range(100):
        client[f"new{number}"].orders.insert_one({})
        acknowledged.append(f"new{number}.orders")


@pytest.mark.parametrize("milliseconds", [20, 40, 60, 80, 120, 160])
def test_a_server_that_is_killed_while_it_makes_tables_starts_again(tmp_path: Path, milliseconds: int) -> None:
    acknowledged: list[str] = []
    with Server(tmp_path / "home") as server:
        client = server.client(retryWrites=False)
        work = threading.Thread(
            target=unless_killed, args=[lambda client: insert_into_new_databases(client, acknowledged), client]
        )
        work.start()
        work.join(milliseconds / 1000)
        server.kill()
        work.join()
        server.start()
        held = documents_of(inspect(server))
    assert [name for name in acknowledged if held.get(name) != 1] == []


def test_a_rename_over_another_collection_that_is_killed_leaves_the_one_or_the_other(tmp_path: Path) -> None:
    with Server(tmp_path / "home") as server:
        client = server.client(retryWrites=False)
        client.shop.orders.insert_many([{"number": number} for number in range(DOCUMENTS)])
        client.shop.fresh.insert_many([{"number": number} for number in range(100)])
        for pause in (0.05, 0.25, 0.6):
            work = threading.Thread(
                target=unless_killed, args=[lambda client: client.shop.fresh.rename("orders", dropTarget=True), client]
            )
            work.start()
            work.join(pause)
            server.kill()
            work.join()
            server.start()
            held = documents_of(inspect(server))
            if held == {"shop.orders": 100}:
                break
            assert held == {"shop.orders": DOCUMENTS, "shop.fresh": 100}


def test_an_index_that_cannot_be_built_leaves_nothing(tmp_path: Path) -> None:
    with Server(tmp_path / "home") as server:
        orders = server.client().shop.orders
        orders.insert_many([{"number": number // 2} for number in range(3000)])
        for _ in range(2):
            with pytest.raises(DuplicateKeyError):
                orders.create_index("number", unique=True)
        orders.insert_one({"number": 1})
        assert list(orders.index_information()) == ["_id_"]
        server.kill()
        server.start()
        assert documents_of(inspect(server)) == {"shop.orders": 3001}
