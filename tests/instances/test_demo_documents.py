from pathlib import Path

import pytest

from instances import demo_documents
from tests.instances.engines.servers import Server


@pytest.mark.parametrize(
    ("kind", "database", "indexes"),
    [
        ("Sharding", "shop", {"products": "sku_1", "orders": "time_1", "deliveries": "order_1"}),
        ("ReplicaSet", "sensors", {"devices": "device_1", "readings": "time_1"}),
        ("Single", "knowledge", {"articles": "slug_1", "visits": "time_1"}),
    ],
)
def test_a_new_instance_gets_documents_for_its_type(
    tmp_path: Path, kind: str, database: str, indexes: dict[str, str]
) -> None:
    with Server(tmp_path / "home") as server:
        loaded = demo_documents.load(server.address, kind)
        with server.client() as mongo:
            assert set(mongo.list_database_names()) - {"admin", "config", "local"} == {database}
            assert set(mongo[database].list_collection_names()) == set(indexes)
            assert sum(mongo[database][name].count_documents({}) for name in indexes) == loaded > 2500
            for name, index in indexes.items():
                assert index in mongo[database][name].index_information()


def test_the_documents_are_the_same_every_time() -> None:
    for _, collections, _ in demo_documents._KINDS.values():
        for documents in collections.values():
            assert list(demo_documents._identified(documents())) == list(demo_documents._identified(documents()))


def test_orders_are_for_existing_products() -> None:
    skus = {product["sku"] for product in demo_documents._products()}
    assert {line["sku"] for order in demo_documents._orders() for line in order["lines"]} <= skus


def test_more_documents_are_counted_while_they_are_loaded(tmp_path: Path) -> None:
    loaded: list[int] = []
    with Server(tmp_path / "home") as server:
        demo_documents.load_more(server.address, "Single", 1200, loaded.append)
        with server.client() as mongo:
            assert mongo["knowledge"]["notes"].count_documents({}) == 1200
    assert loaded == [500, 1000, 1200]
