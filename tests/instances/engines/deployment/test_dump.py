import datetime
import hashlib
import tracemalloc
from typing import Any

import bson
import pytest
from bson import DBRef, Decimal128, Int64, ObjectId, Regex, Timestamp
from bson.binary import Binary
from bson.code import Code
from bson.raw_bson import RawBSONDocument

from instances.engines import deployment as engine
from instances.engines.base import EngineError
from instances.engines.deployment import namespaces
from tests.deployments import Deployment
from tests.instances.engines.deployment.dumping import (
    MB,
    any_moment,
    documents_in,
    dumped,
    entry_of,
    filled,
    insert,
    metadata_of,
    one_moment,
    raw,
)

EVERY_TYPE: list[dict[str, Any]] = [
    {"double": value} for value in (0.0, -0.0, 1.5, float("inf"), float("-inf"), float("nan"), 5e-324, 1.8e308)
] + [
    {"int": -(2**31), "long": Int64(-(2**63)), "small long": Int64(1), "decimal": Decimal128("-0E-6176")},
    {"decimal": Decimal128("NaN"), "inf": Decimal128("Infinity"), "precise": Decimal128("1.10")},
    {"text": "", "nul": "a\0b", "wide": "Größe 漢字 🐘", "": "an empty name"},
    {"a.b": 1, "$c": {"$d": 1}, "nested": {"": {"": []}}, "list": [[], {}, [None, [1, [2]]]]},
    {"binary": b"", "old": Binary(b"\2\0\0\0ab", 2), "uuid": Binary(bytes(16), 4), "own": Binary(b"x", 0x80)},
    {"oid": ObjectId(), "true": True, "false": False, "null": None},
    {"date": bson.DatetimeMS(0), "before": bson.DatetimeMS(-1), "after": bson.DatetimeMS(253402300799999)},
    {"regex": Regex("^a/b", "imsx"), "code": Code("f()"), "scoped": Code("f()", {"x": 1})},
    {"timestamp": Timestamp(2**32 - 1, 7), "least": bson.MinKey(), "most": bson.MaxKey()},
    {"ref": DBRef("other", 1, "elsewhere", note="x")},
]


@pytest.mark.parametrize("access", [one_moment, any_moment])
def test_documents_of_every_type_are_the_servers_own_bytes(replica_set: Deployment, access: Any) -> None:
    with replica_set.client() as client:
        insert(client, "shop", "types", [{"_id": number} | document for number, document in enumerate(EVERY_TYPE)])
        ids = [1, Int64(2**40), 1.5, "x", b"x", ObjectId(), True, None, {"a": 1}, datetime.datetime(2020, 1, 1)]
        insert(client, "shop", "ids", [{"_id": each} for each in ids])
        archive, contents = dumped(access(replica_set))
        assert archive.documents[("shop", "types")] == raw(client, "shop", "types")
        assert archive.documents[("shop", "ids")] == raw(client, "shop", "ids")
    assert [(each.name, each.documents) for each in contents.databases[0].collections] == [
        ("ids", len(ids)),
        ("types", len(EVERY_TYPE)),
    ]


def test_types_that_only_old_drivers_write(standalone: Deployment) -> None:
    old = b"\x06undefined\0" + b"\x0esymbol\0\2\0\0\0s\0" + b"\x10twice\0\1\0\0\0" + b"\x10twice\0\2\0\0\0"
    content = b"\x10_id\0\1\0\0\0" + old + b"\0"
    document = (len(content) + 4).to_bytes(4, "little") + content
    with standalone.client() as client:
        client.shop.old.insert_one(RawBSONDocument(document))
        stored = raw(client, "shop", "old")
        archive, _ = dumped(any_moment(standalone))
    assert archive.documents[("shop", "old")] == stored


def test_the_dump_has_all_indexes_and_options(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        shop = client.shop
        options: dict[str, dict[str, Any]] = {
            "plain": {},
            "capped": {"capped": True, "size": 8192, "max": 10},
            "collated": {"collation": {"locale": "de", "strength": 2}},
            "validated": {
                "validator": {"$jsonSchema": {"required": ["a"], "properties": {"a": {"maximum": Int64(5)}}}},
                "validationLevel": "moderate",
                "validationAction": "warn",
            },
            "clustered": {"clusteredIndex": {"key": {"_id": 1}, "unique": True}},
        }
        for name, each in options.items():
            shop.create_collection(name, **each)
            shop[name].insert_one({"a": 1})
        shop.plain.create_index([("größe", -1), ("b.c", 1)], unique=True, name="an index")
        shop.plain.create_index("t", expireAfterSeconds=3600, sparse=True)
        shop.plain.create_index("p", partialFilterExpression={"p": {"$gt": Int64(3)}})
        shop.plain.create_index([("place", "2dsphere")])
        shop.plain.create_index("c", collation={"locale": "fr"}, hidden=True)
        listed = {info["name"]: info for info in shop.list_collections()}
        indexes = {name: list(shop[name].list_indexes()) for name in options}
    archive, contents = dumped(one_moment(replica_set))
    for name in options:
        metadata = metadata_of(archive, "shop", name)
        assert metadata["options"] == listed[name]["options"]
        assert sorted(metadata["indexes"], key=str) == sorted(map(dict, indexes[name]), key=str)
        assert metadata["uuid"] == bytes(listed[name]["info"]["uuid"]).hex()
        assert (metadata["collectionName"], metadata["type"]) == (name, "collection")
        assert len(archive.documents[("shop", name)]) == 1
    assert {each.name: each.indexes for each in contents.databases[0].collections} == {
        name: tuple(sorted(index["name"] for index in found)) for name, found in indexes.items()
    }


def test_views_are_definitions_without_documents(replica_set: Deployment) -> None:
    pipeline = [{"$match": {"n": {"$gt": Int64(5)}}}]
    with replica_set.client() as client:
        client.shop.orders.insert_many({"n": n} for n in range(10))
        client.shop.create_collection("large", viewOn="orders", pipeline=pipeline)
    archive, contents = dumped(one_moment(replica_set))
    metadata = metadata_of(archive, "shop", "large")
    assert (metadata["options"]["viewOn"], metadata["options"]["pipeline"]) == ("orders", pipeline)
    assert (metadata["type"], metadata["indexes"]) == ("view", [])
    assert entry_of(archive, "shop", "large").type == "view"
    assert archive.documents[("shop", "large")] == []
    assert [(each.name, each.documents, each.indexes) for each in contents.databases[0].collections] == [
        ("large", 0, ()),
        ("orders", 10, ("_id_",)),
    ]


def test_a_time_series_of_a_server_without_buckets_has_its_measurements(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        client.shop.create_collection("weather", timeseries={"timeField": "t", "metaField": "m"})
        client.shop.weather.insert_many({"t": datetime.datetime(2020, 1, day), "m": 1} for day in range(1, 4))
        archive, _ = dumped(one_moment(replica_set))
        assert archive.documents[("shop", "weather")] == raw(client, "shop", "weather")
    assert metadata_of(archive, "shop", "weather")["options"]["timeseries"]["metaField"] == "m"
    assert entry_of(archive, "shop", "weather").type == "collection"


def test_an_empty_deployment_and_empty_collections(replica_set: Deployment) -> None:
    archive, contents = dumped(one_moment(replica_set))
    assert (archive.entries, contents.databases) == ([], ())
    with replica_set.client() as client:
        client.shop.create_collection("empty")
    archive, contents = dumped(one_moment(replica_set))
    assert archive.documents == {("shop", "empty"): []}


NAMES = [
    ("shop", "a.b.c"),
    ("shop", "with space"),
    ("shop", "漢字 🐘"),
    ("shop", "new\nline"),
    ("shop", "x" * 200),
    # Drivers reject these.
    ("shop", "ends with."),
    ("shop", "two..dots"),
    ("a.b", "c"),
    ("a b", "c."),
    ("a$b", "c"),
    ('a"b', "c"),
    ("größe", "größe"),
]


def test_names_of_every_kind(replica_set: Deployment) -> None:
    # More than one reply for each.
    documents = [{"_id": n} for n in range(2500)]
    with replica_set.client() as client:
        try:
            for database, collection in NAMES:
                insert(client, database, collection, documents)
            insert(client, "shop", "system.js", [{"_id": "f", "value": Code("function() {}")}])
            insert(client, "admin", "own", [{"_id": 1}])
            archive, _ = dumped(one_moment(replica_set))
        finally:
            client.admin.own.drop()
            for database in {name for name, _ in NAMES}:
                namespaces.database_of(client, database).command("dropDatabase")
    assert {name: len(found) for name, found in archive.documents.items()} == {
        **{name: len(documents) for name in NAMES},
        ("shop", "system.js"): 1,
        ("admin", "own"): 1,
    }


def test_documents_of_sixteen_megabytes(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        for number in range(3):
            client.shop.large.insert_one({"_id": number, "x": bytes(16 * MB - 64)})
        client.shop.large.insert_many({"_id": number} for number in range(3, 500))
        # Compare digests: pytest would show 48 MB.
        found = documents_in(one_moment(replica_set))["shop.large"]
        assert [hashlib.sha256(each).digest() for each in found] == [
            hashlib.sha256(each).digest() for each in raw(client, "shop", "large")
        ]


@pytest.mark.parametrize("access", [one_moment, any_moment])
def test_large_documents_are_in_memory_one_at_a_time(replica_set: Deployment, access: Any) -> None:
    with replica_set.client() as client:
        for name in ("a", "b"):
            client.shop[name].insert_one({"_id": 1, "x": bytes(16 * MB - 64)})
    tracemalloc.start()
    try:
        with engine().backup(access(replica_set)) as cut:
            size = sum(len(block) for member in cut.members for block in member.read())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 2 * 16 * MB - 1000
    # The driver's raw batches alone take 80 MB.
    assert peak < 24 * MB


def test_many_collections_are_read_in_parallel(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        for number in range(20):
            client.shop[f"c{number}"].insert_many({"_id": n, "x": "x" * 100} for n in range(200))
    archive, contents = dumped(any_moment(replica_set))
    assert archive.concurrent_collections == 3
    assert {len(documents) for documents in archive.documents.values()} == {200}
    assert contents.documents == 4000


def test_the_size_is_estimated(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        filled(client, "a", documents=1000)
    with engine().backup(one_moment(replica_set)) as cut:
        assert 900_000 < cut.expected_bytes < 1_200_000
        assert cut.known is None


def test_users_are_dumped_only_if_asked_for(replica_set: Deployment) -> None:
    replica_set.create_user("reader", ["read"], database="shop")
    archive, _ = dumped(one_moment(replica_set))
    assert archive.entries == []


def test_users_without_their_credentials_are_an_error(replica_set: Deployment) -> None:
    with pytest.raises(EngineError, match="does not show the credentials of its users"):
        dumped(one_moment(replica_set, with_users=True))
