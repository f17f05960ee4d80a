"""If a kill interrupts a change of collections or indexes, the change is made completely or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pymongo.errors import DuplicateKeyError, OperationFailure
from pytest_django import Settings

from instances.engines.base import Client
from tests.instances.engines.servers import Server, after, documents_of, inspect

DOCUMENTS = 20_000


def rename(client: Client) -> None:
    client.shop.orders.rename("renamed")


def rename_over_another(client: Client) -> None:
    client.shop.fresh.rename("orders", dropTarget=True)


def drop(client: Client) -> None:
    client.shop.orders.drop()


def index(client: Client) -> None:
    client.shop.orders.create_index("number")


@pytest.mark.parametrize("change", [rename, drop, index])
def test_a_killed_server_has_made_the_whole_change_or_none_of_it(
    server: Server, change: Callable[[Client], None]
) -> None:
    server.client().shop.orders.insert_many([{"number": number} for number in range(DOCUMENTS)])
    for seconds in (0.05, 0.2, 0.4, 0.8):
        server.kill_during(change, after(seconds))
        found = documents_of(inspect(server))
        if found != {"shop.orders": DOCUMENTS}:
            assert found in ({}, {"shop.renamed": DOCUMENTS})
            break
        orders = server.client().shop.orders
        if "number_1" in orders.index_information():
            assert orders.count_documents({"number": {"$gte": 0}}, hint="number_1") == DOCUMENTS
            break


def test_a_killed_rename_over_another_collection_leaves_the_old_or_the_new_state(server: Server) -> None:
    shop = server.client().shop
    shop.orders.insert_many([{"number": number} for number in range(DOCUMENTS)])
    shop.fresh.insert_many([{"number": number} for number in range(100)])
    for seconds in (0.05, 0.25, 0.6):
        server.kill_during(rename_over_another, after(seconds))
        found = documents_of(inspect(server))
        if found == {"shop.orders": 100}:
            break
        assert found == {"shop.orders": DOCUMENTS, "shop.fresh": 100}


@pytest.mark.parametrize("tables", range(1, 16, 2))
def test_a_server_killed_while_creating_a_table_starts_again(server: Server, tables: int) -> None:
    acknowledged: list[str] = []

    def insert_into_new_databases(client: Client) -> None:
        for number in range(100):
            client[f"new{number}"].orders.insert_one({})
            acknowledged.append(f"new{number}.orders")

    def files() -> int:
        return len(list((server.home / "data").glob("*.wt")))

    wanted = files() + tables
    # Such a kill can leave an incomplete table: its file exists, but not all of its metadata.
    server.kill_during(insert_into_new_databases, lambda: files() >= wanted)
    found = documents_of(inspect(server))
    assert [name for name in acknowledged if found.get(name) != 1] == []


def test_an_index_that_cannot_be_built_leaves_nothing(server: Server) -> None:
    orders = server.client().shop.orders
    orders.insert_many([{"number": number} for number in [*range(3000), 2999]])
    for _ in range(2):
        with pytest.raises(DuplicateKeyError):
            orders.create_index("number", unique=True)
    assert list(orders.index_information()) == ["_id_"]
    server.kill()
    server.start()
    assert "Finishing a change" not in server.log()
    orders = server.client().shop.orders
    orders.delete_many({"number": {"$in": [5, 2999]}})
    orders.create_index("number", unique=True)
    orders.insert_one({"number": 5})
    assert orders.count_documents({"number": {"$gte": 0}}, hint="number_1") == 2999


def test_a_transaction_too_large_for_the_cache_fails_and_leaves_nothing(server: Server) -> None:
    client = server.client()
    with (
        pytest.raises(OperationFailure, match="changes at most 20000 documents"),
        client.start_session() as session,
        session.start_transaction(),
    ):
        for _ in range(5):
            client.shop.orders.insert_many([{} for _ in range(DOCUMENTS // 4)], session=session)
    assert client.shop.orders.count_documents({}) == 0


def test_a_change_of_more_rows_than_fit_into_the_cache_succeeds(tmp_path: Path, settings: Settings) -> None:
    settings.CONSOLE_DB_CACHE_MB = 16  # below what the setting allows
    with Server(tmp_path / "home") as server:
        shop = server.client().shop
        for _ in range(20):
            shop.orders.insert_many([{"text": "x" * 800} for _ in range(500)])
        shop.orders.create_index("text")
        shop.orders.rename("renamed")
        shop.renamed.drop_index("text_1")
        assert documents_of(inspect(server)) == {"shop.renamed": 10_000}
        shop.renamed.drop()
        assert documents_of(inspect(server)) == {}
