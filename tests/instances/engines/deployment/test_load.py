"""A dump is loaded as it is: every document, option and index, or an error says what the server does not take."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
import gridfs
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.raw_bson import RawBSONDocument
from pymongo.errors import AutoReconnect
from pymongo.monitoring import CommandListener, CommandStartedEvent

from instances.engines import embedded
from instances.engines.base import Client, Collection, Contents, Database, EngineError
from instances.engines.deployment.building import Lacks, in_order
from instances.engines.deployment.compare import require_same
from instances.engines.deployment.load import load, require_empty
from instances.engines.deployment.mongodump import (
    TIME_SERIES,
    VIEW,
    Definition,
    DumpDamaged,
    Entry,
    Header,
    Namespace,
    prelude,
)
from tests.deployments import Deployment
from tests.instances.engines.deployment.dumps import ID, Dumped, dump_of
from tests.instances.engines.servers import Server

EVERY_TYPE = {
    "_id": ObjectId(),
    "double": -0.0,
    "infinite": float("inf"),
    "text": "ü\0\U0001f600",
    "document": {"": {"a.b": 1, "$c": [None, {}, []]}},
    "binary": [Binary(b"\0", subtype) for subtype in (0, 2, 3, 4, 5, 6, 8, 128)],
    "booleans": [True, False],
    "date": datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
    "null": None,
    "expressions": Regex("^a/b", "imsx"),
    "reference": DBRef("other", 1, "shop", extra=1),
    "code": Code("return 1"),
    "scoped": Code("return x", {"x": 1}),
    "numbers": [2**31 - 1, Int64(1), Int64(2**63 - 1)],
    "moment": Timestamp(2**32 - 1, 1),
    "decimal": [Decimal128("1.10"), Decimal128("NaN"), Decimal128("-0E+3")],
    "keys": [MinKey(), MaxKey()],
}
# Types that no driver writes any more: undefined, DBPointer, symbol. Then a field that is there twice.
_FIELDS = b"\x06a\0" + b"\x0cb\0\x02\0\0\0a\0" + 12 * b"\1" + b"\x0ec\0\x02\0\0\0a\0" + 2 * b"\x0aa\0" + b"\x08_id\0\1"
OLD = (len(_FIELDS) + 5).to_bytes(4, "little") + _FIELDS + b"\0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("target") / "home") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """The agent's connection to a server without databases, as a restore to a new instance has it."""
    with embedded().connect(server.address, seconds=60) as client:
        for name in set(client.list_database_names()) - {"admin", "config", "local"}:
            client.drop_database(name)
        yield client


class Sent(CommandListener):
    """Remembers the raw documents that a driver sends to insert them."""

    def __init__(self) -> None:
        self.documents: list[bytes] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "insert":
            self.documents += [each.raw for each in event.command["documents"]]

    def succeeded(self, event: object) -> None:
        pass

    failed = succeeded


def loaded(client: Client, *collections: Dumped, **options: Any) -> Contents:
    return load(client, dump_of(*collections), lambda _documents: None, **options)


def described(client: Client, name: str, database: str = "shop") -> dict[str, Any]:
    (found,) = client[database].cursor_command("listCollections", filter={"name": name})
    return dict(found)


def raw_documents(client: Client, name: str, database: str = "shop") -> list[bytes]:
    codec = bson.CodecOptions(document_class=RawBSONDocument)
    # The command's own options count for the first batch alone.
    answer: Iterable[Any] = client.get_database(database, codec).cursor_command("find", name, codec_options=codec)
    return [bytes(each.raw) for each in answer]


def indexes(client: Client, name: str) -> list[dict[str, Any]]:
    return [dict(each) for each in client.shop.cursor_command("listIndexes", name)]


def test_documents_come_back_byte_for_byte(client: Client) -> None:
    documents = [bson.encode(EVERY_TYPE), bson.encode({"a": 1, "_id": 3})]

    contents = loaded(client, Dumped("types", documents))

    assert raw_documents(client, "types") == documents
    assert contents == Contents((Database("shop", (Collection("types", 2, ("_id_",)),)),))


def test_documents_are_sent_as_they_are_even_if_no_driver_writes_such_ones(replica_set: Deployment) -> None:
    sent = Sent()
    with replica_set.client(event_listeners=[sent]) as client:
        loaded(client, Dumped("old", [OLD]))

    assert sent.documents == [OLD]


def test_documents_of_16_mb_and_many_small_ones_are_loaded(client: Client) -> None:
    overhead = len(bson.encode({"_id": 1, "content": b""}))
    largest = bson.encode({"_id": 1, "content": bytes(16 * 1024 * 1024 - overhead)})
    small = [{"_id": number} for number in range(5001)]
    large = [{"_id": 2, "content": bytes(1024 * 1024)}, largest, {"_id": 3}]
    # All of it arrives at once, and one command cannot insert all of it.
    blocks = dump_of(Dumped("large", large), Dumped("small", small), block=10**8)

    contents = load(client, blocks, lambda _documents: None)

    assert contents.documents == 5004
    assert raw_documents(client, "large")[1] == largest
    assert client.shop.small.count_documents({}) == 5001


@pytest.mark.parametrize(
    "options",
    [
        {"capped": True, "size": 8192, "max": 100},
        {"validator": {"$jsonSchema": {"required": ["a"]}}, "validationLevel": "moderate", "validationAction": "error"},
        {"collation": {"locale": "fr", "strength": 2, "caseLevel": True}},
        {"clusteredIndex": {"v": 2, "key": {"_id": 1}, "name": "_id_", "unique": True}},
        {"changeStreamPreAndPostImages": {"enabled": True}},
        {"storageEngine": {"wiredTiger": {"configString": "block_compressor=zlib"}}},
        {"expireAfterSeconds": Int64(3600), "timeseries": {"timeField": "t", "granularity": "seconds"}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_collection_has_exactly_its_options(client: Client, options: dict[str, Any]) -> None:
    # The documents do not satisfy the validator: they were there before it.
    loaded(client, Dumped("orders", [{"_id": number, "t": datetime.now(UTC)} for number in range(3)], options))

    assert described(client, "orders")["options"] == options
    assert client.shop.orders.count_documents({}) == 3


@pytest.mark.parametrize(
    "name", ["a.b", "with spaces", "ünïcödé \U0001f600", "two..dots", "ends.", "x" * 200, "system.js"]
)
def test_every_name_is_loaded(client: Client, name: str) -> None:
    contents = loaded(client, Dumped(name, [{"_id": 1}]))

    assert [len(raw_documents(client, name)), contents.documents] == [1, 1]


def test_an_index_has_exactly_its_options(client: Client) -> None:
    wanted: list[dict[str, Any]] = [
        {"key": {"b": -1, "a": 1}, "name": "compound"},
        {"key": {"u": 1}, "name": "unique", "unique": True},
        {"key": {"s": 1}, "name": "sparse", "sparse": True},
        {"key": {"p": 1}, "name": "partial", "partialFilterExpression": {"p": {"$gt": 5}}},
        {"key": {"t": 1}, "name": "expires", "expireAfterSeconds": 3600},
        {"key": {"c": 1}, "name": "collation", "collation": {"locale": "fr", "strength": 2}},
        {"key": {"h": 1}, "name": "hidden", "hidden": True},
        {"key": {"$**": 1}, "name": "wildcard", "wildcardProjection": {"a": 1}},
        {"key": {"g": "2dsphere"}, "name": "globe", "2dsphereIndexVersion": 3},
        {"key": {"f": "2d"}, "name": "flat", "bits": 20, "min": -90.0, "max": 90.0},
        {"key": {"l": Int64(1)}, "name": "long"},
        {"key": {"old": 1}, "name": "old", "v": 1},
    ]

    contents = loaded(client, Dumped("orders", [{"_id": 1}], indexes=wanted))

    by_name = {each["name"]: each for each in indexes(client, "orders")}
    assert by_name == {"_id_": ID} | {each["name"]: {"v": 2} | each for each in wanted}
    assert list(by_name["compound"]["key"]) == ["b", "a"]
    assert contents.databases[0].collections[0].indexes == tuple(sorted(by_name))


def test_an_option_that_is_off_may_be_unknown_to_the_server(client: Client) -> None:
    off = {"key": {"a": 1}, "name": "a_1", "sparse": False, "unknown": False}

    loaded(client, Dumped("orders", (), {"recordIdsReplicated": False, "capped": False}, [off]))

    assert indexes(client, "orders")[1] == {"v": 2, "key": {"a": 1}, "name": "a_1"}


def test_an_index_without_collation_does_not_get_that_of_its_collection(client: Client) -> None:
    loaded(client, Dumped("orders", (), {"collation": {"locale": "fr"}}, [{"key": {"a": 1}, "name": "a_1"}]))

    assert indexes(client, "orders")[1]["collation"] == {"locale": "simple"}


@pytest.mark.parametrize(
    ("indexes", "sentence"),
    [
        (
            [{"key": {"a": 1}, "name": "a_1"}, {"key": {"t": "hashed"}, "name": "t_hashed"}],
            "The index t_hashed of the collection shop.orders cannot be built because the server rejects it: hashed "
            "indexes are not supported by SecantusDB.",
        ),
        (
            [{"key": {"a": 1}, "name": "a_1", "unique": True}],
            "The index a_1 of the collection shop.orders cannot be built because the server rejects it: Index build",
        ),
    ],
)
def test_an_index_that_the_server_rejects_is_named(
    client: Client, indexes: list[dict[str, Any]], sentence: str
) -> None:
    with pytest.raises(EngineError) as caught:
        loaded(client, Dumped("orders", [{"_id": 1, "a": 1}, {"_id": 2, "a": 1}], indexes=indexes))

    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"flavour": 1}, "cannot be created because the server rejects its options: BSON field 'create.flavour'"),
        ({"writeConcern": {"w": 1}}, "cannot be restored because the server ignores its option writeConcern."),
    ],
)
def test_an_option_that_the_server_does_not_take_is_named(
    client: Client, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(EngineError, match=r"The collection shop\.orders") as caught:
        loaded(client, Dumped("orders", (), options))

    assert sentence in str(caught.value)


def test_options_of_a_dump_cannot_create_another_collection(client: Client) -> None:
    with pytest.raises(EngineError, match="ignores its option create"):
        loaded(client, Dumped("orders", (), {"create": "other", "$db": "admin"}))

    assert client.shop.list_collection_names() == ["orders"]


def test_options_that_no_server_can_have_are_damage(client: Client) -> None:
    entry = Entry(Namespace("shop", "orders"), '{"options": {"size": 99999999999999999999}}')
    blocks = b"".join(prelude(Header(1, "8.0.4", "test"), [entry]))

    with pytest.raises(DumpDamaged, match=r"The dump is damaged: metadata of shop\.orders: "):
        load(client, iter([memoryview(blocks)]), lambda _documents: None)


@pytest.mark.parametrize("name", ["a\0b", "", ".a", "$a", "a$"])
def test_a_name_that_no_server_has_is_an_error(client: Client, name: str) -> None:
    with pytest.raises(EngineError, match="cannot be created"):
        loaded(client, Dumped(name, [{"_id": 1}]))

    client.admin.command("ping")


def test_views_come_after_what_they_read(client: Client) -> None:
    first = Dumped("a", (), {"viewOn": "b", "pipeline": [{"$match": {"n": 1}}]}, type=VIEW)
    second = Dumped("b", (), {"viewOn": "orders", "pipeline": [], "collation": {"locale": "fr"}}, type=VIEW)

    contents = loaded(client, first, second, Dumped("orders", [{"_id": 1, "n": 1}, {"_id": 2, "n": 2}]))

    assert [each["_id"] for each in client.shop.a.find()] == [1]
    assert described(client, "b")["options"] == second.options
    assert [(each.name, each.documents) for each in contents.databases[0].collections] == [
        ("a", 0),
        ("b", 0),
        ("orders", 2),
    ]


def test_views_are_sorted_by_what_they_read() -> None:
    def view(name: str, of: str) -> tuple[Entry, Definition]:
        dumped = Dumped(name, (), {"viewOn": of}, type=VIEW)
        return dumped.entry, dumped.entry.definition()

    ordered = in_order(
        [view("a", "b"), view("b", "c"), view("c", "orders"), view("loop", "other"), view("other", "loop")]
    )

    assert [entry.namespace.collection for entry, _ in ordered] == ["c", "b", "a", "other", "loop"]


def test_the_buckets_of_a_time_series_are_not_loaded_where_the_server_has_none(client: Client) -> None:
    series = Dumped("weather", [{"_id": 1}], {"timeseries": {"timeField": "t"}}, type=TIME_SERIES)

    with pytest.raises(EngineError, match=r"The time series shop\.weather cannot be restored"):
        loaded(client, series)


def test_the_server_s_own_databases_and_collections_stay_as_they_are(client: Client) -> None:
    contents = loaded(
        client,
        Dumped("settings", [{"_id": 1}], database="config"),
        Dumped("system.users", [{"_id": "admin.eve"}], database="admin"),
        Dumped("system.profile", [{"_id": 1}]),
        Dumped("console.restore.7.1", [{"_id": 1}]),
        Dumped("orders", [{"_id": 1}]),
    )

    assert [database.name for database in contents.databases] == ["shop"]
    assert client.shop.list_collection_names() == ["orders"]
    assert not client.config.settings.find_one({"_id": 1})


def test_a_collection_can_be_loaded_under_another_name(client: Client) -> None:
    contents = load(
        client,
        dump_of(Dumped("orders", [{"_id": 1}], indexes=[{"key": {"a": 1}, "name": "a_1"}])),
        lambda _documents: None,
        rename=lambda namespace: Namespace(namespace.database, f"copy of {namespace.collection}"),
    )

    assert client.shop.list_collection_names() == ["copy of orders"]
    assert contents == Contents((Database("shop", (Collection("orders", 1, ("_id_", "a_1")),)),))


def test_progress_counts_documents_and_can_give_up(client: Client) -> None:
    reported: list[int] = []

    def report(documents: int) -> None:
        reported.append(documents)
        if documents == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(client, dump_of(Dumped("a", [{"_id": 1}, {"_id": 2}]), Dumped("b", [{"_id": 1}])), report)

    assert reported == [0, 0, 1, 2]


def test_a_dump_that_ends_early_is_an_error(client: Client) -> None:
    *blocks, _last = dump_of(Dumped("orders", [{"_id": 1, "text": 2000 * "x"}]))

    with pytest.raises(DumpDamaged):
        load(client, iter(blocks), lambda _documents: None)


def test_a_document_that_the_server_rejects_is_an_error(client: Client) -> None:
    with pytest.raises(EngineError, match=r"The server does not accept all documents of the collection shop\.orders"):
        loaded(client, Dumped("orders", [{"_id": 1}, {"_id": 1}]))


def test_a_capped_collection_that_keeps_less_on_this_server_is_an_error(client: Client) -> None:
    documents = [{"_id": number, "text": 900 * "x"} for number in range(5)]

    with pytest.raises(EngineError, match=r"The capped collection shop\.log keeps only [1-4] of its 5 documents"):
        loaded(client, Dumped("log", documents, {"capped": True, "size": 4096}))


def test_a_newer_dump_is_refused_before_anything_is_created(client: Client) -> None:
    with pytest.raises(EngineError, match=r"The backup is of MongoDB 9\.0\.1, but the target is version 8\."):
        load(client, dump_of(Dumped("orders"), version="9.0.1"), lambda _documents: None)

    assert client.shop.list_collection_names() == []


def test_gridfs_files_can_be_read_after_a_restore(client: Client, replica_set: Deployment) -> None:
    content = bytes(range(256)) * 3000
    with replica_set.client() as source:
        file = gridfs.GridFS(source.shop).put(content, filename="receipt")
        chunks, files = source.shop.fs.chunks, source.shop.fs.files
        dumped = [
            Dumped(
                collection.name,
                list(collection.find()),
                indexes=[dict(index) for index in collection.list_indexes()][1:],
            )
            for collection in (chunks, files)
        ]

    loaded(client, *dumped)

    assert gridfs.GridFS(client.shop).get(file).read() == content


def test_an_existing_deployment_takes_a_dump_too(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        require_empty(client)
        loaded(client, Dumped("orders", [EVERY_TYPE], {"capped": True, "size": 8192}))

        assert raw_documents(client, "orders") == [bson.encode(EVERY_TYPE)]
        with pytest.raises(EngineError, match="The target is not empty: it has the database shop"):
            require_empty(client)


def test_a_server_that_ends_meanwhile_is_an_error_of_the_driver(tmp_path: Path) -> None:
    with Deployment(tmp_path / "server") as deployment, deployment.client(serverSelectionTimeoutMS=500) as client:

        def end(documents: int) -> None:
            if documents:
                deployment.kill()

        with pytest.raises(AutoReconnect):
            load(client, dump_of(Dumped("orders", [{"_id": 1}, {"_id": 2}])), end)


@pytest.mark.parametrize(
    ("listed", "sentence"),
    [
        (
            Collection("orders", 3, ("_id_", "a_1")),
            "The collection shop.orders was not restored completely: 2 documents and the indexes _id_, but the backup "
            "has 3 documents and the indexes _id_, a_1.",
        ),
        (Collection("other", 3), "The dump has the collection shop.orders, but the backup does not list it."),
        (Collection("lost", 3), "The backup lists the collection shop.lost, but its dump does not have it."),
    ],
)
def test_what_was_loaded_is_compared_with_what_the_backup_lists(listed: Collection, sentence: str) -> None:
    found = Contents((Database("shop", (Collection("orders", 2, ("_id_",)),)),))
    internal = Database("config", (Collection("settings", 1),))

    require_same(Contents((internal, *found.databases)), found)
    with pytest.raises(EngineError) as caught:
        require_same(Contents((Database("shop", (listed,)),)), found)

    assert str(caught.value) == sentence


def test_indexes_that_the_server_rejects_are_noted_on_request(client: Client) -> None:
    text = {"key": {"_fts": "text", "_ftsx": 1}, "name": "title_text", "weights": {"title": 1}}
    orders = Dumped("orders", [{"_id": 1, "a": 1}], indexes=[text, {"key": {"a": 1}, "name": "a_1"}])
    lacks = Lacks()

    contents = load(client, dump_of(orders), lambda _documents: None, lacks=lacks)

    assert list(map(str, lacks)) == ["shop.orders (title_text)"]
    assert contents.databases[0].collections[0].indexes == ("_id_", "a_1")
    assert set(client.shop.orders.index_information()) == {"_id_", "a_1"}


def test_equal_values_in_a_unique_index_are_an_error_all_the_same(client: Client) -> None:
    unique = {"key": {"a": 1}, "name": "a_1", "unique": True}
    orders = Dumped("orders", [{"_id": 1, "a": 1}, {"_id": 2, "a": 1}], indexes=[unique])
    with pytest.raises(EngineError, match="a_1"):
        load(client, dump_of(orders), lambda _documents: None, lacks=Lacks())
