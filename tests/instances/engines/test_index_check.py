"""Inspecting a copy compares every index with the documents, whatever the kind of index or the way of the writes."""

import random
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from bson.code import Code
from pymongo.errors import PyMongoError

from instances.engines import embedded
from instances.engines.base import Client, FilesDamaged
from instances.engines.embedded import inspection
from tests.instances.engines.servers import Server, inspect
from tests.instances.engines.tampering import tamper

VALUES: list[Any] = [None, 1, 1.0, -7, "a", "É", ["a", "b", "a"], [[1], 2], {"x": [1, {"y": 2}]}, True, Code("x"), b"b"]
INDEXES: dict[str, dict[str, Any]] = {
    "plain": {"keys": [("a", 1)]},
    "falling": {"keys": [("a", -1), ("b", 1)]},
    "nested": {"keys": [("a.x.y", 1)]},
    "sparse": {"keys": [("b", 1)], "sparse": True},
    "partial": {"keys": [("c", 1)], "partialFilterExpression": {"a": {"$gt": 0}}},
    "unique": {"keys": [("u", 1)], "unique": True},
    "unique_many": {"keys": [("many", 1)], "unique": True, "sparse": True},
    "collated": {"keys": [("b", 1)], "collation": {"locale": "fr", "strength": 1}},
    "expiring": {"keys": [("t", 1)], "expireAfterSeconds": 10**8},
    "hidden": {"keys": [("c", -1)], "hidden": True},
    "sphere": {"keys": [("place", "2dsphere")]},
    "flat": {"keys": [("point", "2d")]},
}


def document(chance: random.Random, number: int) -> dict[str, Any]:
    place = {"type": "Point", "coordinates": [chance.uniform(-179, 179), chance.uniform(-89, 89)]}
    fields = {
        **{name: chance.choice(VALUES) for name in "abc"},
        "t": datetime.now(UTC),
        "place": place,
        "point": place["coordinates"],
        "many": [number, f"n{number}"],
    }
    return {"u": number, **{name: value for name, value in fields.items() if chance.random() < 0.8}}


def write_in_every_way(client: Client) -> None:
    chance, collection = random.Random(1), client.shop.orders
    collection.insert_many([document(chance, number) for number in range(100)])
    for name, index in INDEXES.items():
        collection.create_index(name=name, **index)
    collection.insert_many([document(chance, number) for number in range(100, 200)])
    for number in range(200):
        with suppress(PyMongoError):
            match chance.randrange(8):
                case 0:
                    collection.replace_one({"u": number}, document(chance, number))
                case 1:
                    collection.update_one({"u": number}, {"$set": document(chance, number)})
                case 2:
                    collection.update_one({"u": number}, {"$push": {"a": 5}, "$unset": {"b": 1}})
                case 3:
                    collection.delete_one({"u": number})
                case 4:
                    collection.find_one_and_update({"u": number}, [{"$set": {"c": "$a", "b": [1, 2]}}])
                case 5:
                    collection.update_one({"u": number + 1000}, {"$set": {"c": 2}}, upsert=True)
                case 6:
                    collection.insert_many([document(chance, number), document(chance, 2000 + number)], ordered=False)
                case 7:
                    with client.start_session() as session, session.start_transaction():
                        collection.delete_one({"u": number}, session=session)
                        collection.insert_one(document(chance, number), session=session)
    collection.update_many({"a": 1}, {"$set": {"c": [1, 2]}, "$unset": {"b": 1}})
    shop = client.shop
    shop.create_collection("capped", capped=True, size=4096, max=5).create_index("a")
    shop.capped.insert_many([{"a": number} for number in range(20)])
    shop.create_collection("series", timeseries={"timeField": "t", "metaField": "m"})
    shop.series.insert_many([{"t": datetime.now(UTC), "m": number % 3, "v": number} for number in range(20)])
    shop.series.create_index([("m", 1), ("t", 1)])
    shop.orders.aggregate([{"$out": "copied"}])
    shop.renamed.insert_one({"_id": {"a": [1]}, "b": 1})
    shop.renamed.create_index("b")
    shop.renamed.rename("moved")
    shop.converted.insert_many([{"_id": number, "a": number} for number in range(5)])
    shop.converted.create_index("a")
    for change in ({"prepareUnique": True}, {"unique": True}):
        shop.command("collMod", "converted", index={"keyPattern": {"a": 1}, **change})
    shop.command("create", "a..b")
    shop.create_collection("view", viewOn="orders", pipeline=[])


def test_indexes_of_every_kind_match_however_the_documents_were_written(server: Server) -> None:
    write_in_every_way(server.client())
    [shop] = inspect(server).databases
    indexes = {collection.name: collection.indexes for collection in shop.collections}
    assert set(indexes["orders"]) == {"_id_", *INDEXES}
    assert {"capped", "series", "copied", "moved", "converted", "a..b", "view"} < set(indexes)


DAMAGE = """
entries = table("index_entries")
remove(entries, keys(entries, "missing")[1])
db, name, index, entry = keys(entries, "surplus")[1]
entries[db, name, index, entry[:-1] + b"!"] = b""
db, name, index, entry = keys(entries, "exchanged")[1]
remove(entries, (db, name, index, entry))
entries[db, name, index, entry[:-1] + b"!"] = b""
db, name, index, entry = keys(entries, "nameless")[1]
entries[db, name, "nowhere", entry] = b""
reserved = table("unique_keys")
remove(reserved, keys(reserved, "unreserved")[1])
reserved[keys(reserved, "reserved")[1]] = 12345
ids = table("natural_seq")
remove(ids, keys(ids, "without_id")[1])
indexes = table("indexes")
key = keys(indexes, "unmarked")[0]
stored = bson.decode(bytes(indexes[key]))
del stored["options"]["multikey"]
indexes[key] = bson.encode(stored)
"""


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    in_by_a = ("missing", "surplus", "exchanged", "unreserved", "reserved", "unmarked")
    expected = {
        **{name: ["by_a"] for name in in_by_a},
        "nameless": ["nowhere"],
        "without_id": ["_id_"],
        "intact": [],
    }
    with Server(tmp_path / "home") as server:
        shop = server.client().shop
        for name in expected:
            shop[name].create_index("a", name="by_a", unique=True)
            shop[name].insert_many([{"_id": number, "a": [number, -1 - number]} for number in range(3)])
    tamper(server.home, DAMAGE)
    with server:
        with embedded().connect(server.address) as client:
            answers = {name: client.admin.command("console.check", of="shop", collection=name) for name in expected}
        assert {name: answer["damaged"] for name, answer in answers.items()} == expected
        assert all(answer["valid"] for answer in answers.values())
        with pytest.raises(FilesDamaged, match=r"shop\.exchanged do not match its documents: by_a"):
            inspect(server)


def test_a_damaged_collection_is_reported() -> None:
    client = SimpleNamespace(admin=SimpleNamespace(command=lambda *_, **__: {"valid": False, "damaged": []}))
    with pytest.raises(FilesDamaged, match=r"The collection shop\.orders is damaged\."):
        inspection._inspect(cast(Client, client), "shop", {"name": "orders", "type": "collection"})
