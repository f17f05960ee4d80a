"""What a server has comes back from its dump: dumped, read by a second implementation, loaded, and dumped again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import gridfs
import pytest
from bson import Code, Int64

from instances.engines import deployment as engine
from instances.engines import embedded
from instances.engines.base import Access, Client
from instances.engines.deployment.building import Lacks
from instances.engines.deployment.compare import require_same
from tests import independent_reader
from tests.deployments import Deployment
from tests.independent_reader import Archive
from tests.instances.engines.deployment.dumping import blocks_of, dumped, metadata_of, one_moment, raw
from tests.instances.engines.deployment.test_dump import EVERY_TYPE
from tests.instances.engines.servers import PASSWORD, Server

NAMES = ["a.b", "with spaces", "ünïcödé \U0001f600", "two..dots", "ends.", "x" * 200]
OPTIONS: dict[str, dict[str, Any]] = {
    "empty": {},
    "capped": {"capped": True, "size": 8192, "max": 3},
    "validated": {
        "validator": {"$jsonSchema": {"required": ["a"], "properties": {"a": {"maximum": Int64(5)}}}},
        "validationLevel": "moderate",
        "validationAction": "warn",
    },
    "since": {"validator": {"at": {"$gte": datetime(2020, 1, 1, tzinfo=UTC)}}},
    "collated": {"collation": {"locale": "de", "strength": 2}},
    "clustered": {"clusteredIndex": {"key": {"_id": 1}, "unique": True}, "expireAfterSeconds": Int64(3600)},
    "images": {"changeStreamPreAndPostImages": {"enabled": True}},
    "weather": {"timeseries": {"timeField": "t", "metaField": "m", "granularity": "seconds"}},
    "a_view_of_a_view": {"viewOn": "view", "pipeline": []},
    "view": {"viewOn": "empty", "pipeline": [{"$match": {"at": {"$gt": datetime(2020, 1, 1)}}}]},
}
INDEXES: list[dict[str, Any]] = [
    {"key": {"b": -1, "a": 1}, "name": "compound"},
    {"key": {"u": 1}, "name": "unique", "unique": True, "sparse": True},
    {"key": {"p": 1}, "name": "partial", "partialFilterExpression": {"at": {"$gt": datetime(2020, 1, 1)}}},
    {"key": {"t": 1}, "name": "expires", "expireAfterSeconds": 3600},
    {"key": {"c": 1}, "name": "collation", "collation": {"locale": "fr", "strength": 2}},
    {"key": {"h": 1}, "name": "hidden", "hidden": True},
    {"key": {"$**": 1}, "name": "wildcard", "wildcardProjection": {"a": 1}},
    {"key": {"g": "2dsphere"}, "name": "globe"},
    {"key": {"f": "2d"}, "name": "flat", "bits": 20, "min": -90.0, "max": 90.0},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("target") / "home") as running:
        yield running


def fill(client: Client) -> None:
    """Fill a deployment with everything that it can have."""
    shop = client.shop
    for name, options in OPTIONS.items():
        shop.command("create", name, **options)
    for name in NAMES:
        shop.command("insert", name, documents=[{"_id": 1}, {"_id": 2}])
    shop.types.insert_many([{"_id": number} | each for number, each in enumerate(EVERY_TYPE)])
    for name in ("capped", "validated", "clustered", "weather"):
        shop[name].insert_many([{"_id": number, "t": datetime(2024, 1, 1)} for number in (3, 1, 2)])
    shop.command("createIndexes", "types", indexes=INDEXES)
    shop.command("createIndexes", "collated", indexes=[{"key": {"a": 1}, "name": "a_1"}])
    shop["system.js"].insert_one({"_id": "double", "value": Code("x => 2 * x")})
    gridfs.GridFS(client.files).put(bytes(range(256)) * 2000, filename="receipt")


def test_everything_comes_back(replica_set: Deployment, server: Server) -> None:
    with replica_set.client() as source:
        fill(source)
        with engine().backup(one_moment(replica_set)) as cut:
            data = b"".join(blocks_of(cut))
            contents = cut.contents()
        archive = independent_reader.read(data)
        for name, collection in archive.documents:
            if "view" not in collection:
                assert archive.documents[name, collection] == raw(source, name, collection)

    with embedded().connect(server.address, seconds=60) as client:
        loaded = engine().load(client, iter([memoryview(data)]), lambda _documents: None, Lacks(tolerant=False))
    require_same(contents, loaded)

    with server.client() as target:
        address = f"mongodb://127.0.0.1:{server.port}/?directConnection=true"
        again, contents_again = dumped(Access(address=address, user="rwuser", password=PASSWORD, any_moment=True))
        assert contents_again == contents
        assert again.documents == archive.documents
        assert described(again) == described(archive)
        assert len(archive.entries) == len(OPTIONS) + len(NAMES) + 4
        assert [each["_id"] for each in target.shop.capped.find()] == [3, 1, 2]
        assert [file.read() for file in gridfs.GridFS(target.files).find()] == [bytes(range(256)) * 2000]


def described(archive: Archive) -> dict[str, Any]:
    """Return type, options and indexes of each collection of a dump."""
    found = {}
    for entry in archive.entries:
        metadata = metadata_of(archive, entry.db, entry.collection)
        indexes = {index["name"]: index for index in metadata["indexes"]}
        if entry.collection == "collated":
            # An index without a collation has the simple one; here it says so after it was loaded.
            indexes["a_1"].setdefault("collation", {"locale": "simple"})
        found[f"{entry.db}.{entry.collection}"] = (entry.type, metadata["options"], indexes)
    return found
