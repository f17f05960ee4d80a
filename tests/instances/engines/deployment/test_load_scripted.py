"""How a dump is loaded into servers that are not here: contracts, see tests/scripted.py."""

from collections.abc import Iterator
from typing import Any

import pytest
from bson.int64 import Int64
from pymongo.errors import OperationFailure

from instances.engines.base import Access, Client, Contents, EngineError
from instances.engines.deployment import exchange
from instances.engines.deployment.connect import connected
from instances.engines.deployment.load import load
from instances.engines.deployment.mongodump import TIME_SERIES
from tests.instances.engines.deployment.dumps import ID, Dumped, dump_of
from tests.scripted import ROUTER, Document, Scripted, refuse, replica_set

USERS = Dumped("system.users", [{"_id": "admin.eve"}, {"_id": "shop.ada"}], database="admin")
ROLES = Dumped("system.roles", [{"_id": "shop.clerk"}], database="admin")


class Accepting(Scripted):
    """A server that accepts collections, indexes and documents, and lists them as `listed` changes them."""

    def __init__(self, **answers: Any) -> None:
        self.listed: Document = {}
        self.ignored = ""
        self.inserted: dict[str, int] = {}
        self._created: dict[str, Document] = {}
        self._indexes: dict[str, list[Document]] = {}
        usual: dict[str, Any] = {
            "create": self._create,
            "createIndexes": self._create_indexes,
            "listCollections": lambda command: _cursor([self._created.get(command["filter"]["name"])]),
            "listIndexes": lambda command: _cursor([ID, *self._indexes.get(command["listIndexes"], [])]),
            "insert": self._insert,
            "count": lambda command: {"n": self.inserted.get(command["count"], 0)},
            "drop": {"ok": 1.0},
        }
        super().__init__(**usual | answers)

    def _create(self, command: Document) -> Document:
        options = {name: value for name, value in command.items() if name in {"timeseries", "capped", "size"}}
        kind = "timeseries" if "timeseries" in options else "collection"
        self._created[command["create"]] = {"name": command["create"], "type": kind, "options": options | self.listed}
        return {}

    def _insert(self, command: Document) -> Document:
        count = len(command["documents"])
        self.inserted[command["insert"]] = self.inserted.get(command["insert"], 0) + count
        return {"n": count}

    def _create_indexes(self, command: Document) -> Document:
        kept = [{name: each[name] for name in each if name != self.ignored} for each in command["indexes"]]
        self._indexes[command["createIndexes"]] = kept
        return {}


def _cursor(documents: list[Document | None]) -> Document:
    return {"cursor": {"firstBatch": list(filter(None, documents)), "id": Int64(0), "ns": "shop.any"}}


@pytest.fixture
def server() -> Iterator[Accepting]:
    with Accepting() as server:
        yield server


@pytest.fixture
def client(server: Accepting) -> Iterator[Client]:
    with connected(Access(address=server.address)) as client:
        yield client


def loaded(client: Client, *collections: Dumped) -> Contents:
    return load(client, dump_of(*collections, version="7.0.1"), lambda _documents: None)


def test_a_secondary_that_backups_are_read_from_is_not_asked() -> None:
    primary, secondary = Accepting(), Scripted()
    with replica_set(primary, secondary) as address:
        access = Access(address=address, reads_from="secondary")
        with connected(access) as client:
            loaded(client, USERS, Dumped("orders", [{"_id": 1}]))

    assert primary.named("insert")
    assert {next(iter(command)) for command in secondary.commands} <= {"endSessions"}


def test_users_are_left_out(server: Accepting, client: Client) -> None:
    loaded(client, USERS, ROLES)

    assert not server.named("insert") + server.named("create")


def test_the_buckets_of_a_time_series_are_inserted_as_they_are(server: Accepting, client: Client) -> None:
    series = Dumped("weather", [{"_id": 1}, {"_id": 2}], {"timeseries": {"timeField": "t"}}, type=TIME_SERIES)
    # The server adds its defaults to the options.
    server.listed = {"timeseries": {"timeField": "t", "bucketMaxSpanSeconds": 3600}}

    contents = loaded(client, series)

    (create,) = server.named("create")
    assert create["create"] == "weather"
    assert "idIndex" not in create
    assert {command["insert"] for command in server.named("insert")} == {"system.buckets.weather"}
    assert contents.databases[0].collections[0].documents == 2


def test_documents_are_acknowledged_only_when_they_outlive_a_crash(server: Accepting, client: Client) -> None:
    loaded(client, Dumped("orders", [{"_id": 1}]))

    assert [command["writeConcern"] for command in server.named("insert")] == [
        {"w": "majority", "j": True, "wtimeout": 300_000}
    ]


@pytest.mark.parametrize("option", ["unique", "sparse", "collation", "hidden", "key"])
def test_an_option_of_an_index_that_the_server_ignores_is_named(server: Accepting, client: Client, option: str) -> None:
    index = {
        "key": {"a": 1},
        "name": "a_1",
        "unique": True,
        "sparse": True,
        "hidden": True,
        "collation": {"locale": "fr"},
    }
    server.ignored = option

    with pytest.raises(EngineError) as caught:
        loaded(client, Dumped("orders", indexes=[index]))

    assert str(caught.value).startswith("The index a_1 of the collection shop.orders cannot be restored")
    assert str(caught.value).endswith(f"the server ignores its option {option}.")


@pytest.mark.parametrize("command", ["create", "insert", "createIndexes"])
def test_a_missing_privilege_is_called_one(server: Accepting, client: Client, command: str) -> None:
    server.answers[command] = refuse(13, "Unauthorized", "not authorized on shop to execute command")

    with pytest.raises(OperationFailure, match="not authorized on shop"):
        loaded(client, Dumped("orders", [{"_id": 1}], indexes=[{"key": {"a": 1}, "name": "a_1"}]))


@pytest.mark.parametrize("command", ["create", "insert", "createIndexes"])
@pytest.mark.parametrize(
    ("code", "says"),
    [
        (14031, r"The disk of a server of the deployment is full\. Make room on it and try again\."),
        (1, r"The database server failed: internal server error\. Its log says why\. If its disk is full, make room"),
    ],
)
def test_a_server_that_fails_itself_is_not_only_said_to_refuse(
    server: Accepting, client: Client, command: str, code: int, says: str
) -> None:
    server.answers[command] = refuse(code, "any", "internal server error")

    with pytest.raises(EngineError, match=rf"shop\.orders.*: {says}"):
        loaded(client, Dumped("orders", [{"_id": 1}], indexes=[{"key": {"a": 1}, "name": "a_1"}]))


def test_a_full_disk_is_named_where_it_is_the_error_of_a_document(server: Accepting, client: Client) -> None:
    server.answers["insert"] = {"n": 0, "writeErrors": [{"index": 0, "code": 14031, "errmsg": "no space"}]}

    with pytest.raises(EngineError, match=r"collection shop\.orders: The disk of a server of the deployment is full\."):
        loaded(client, Dumped("orders", [{"_id": 1}]))


def test_a_capped_collection_may_be_larger_than_it_was(server: Accepting, client: Client) -> None:
    server.listed = {"size": 4096}

    loaded(client, Dumped("log", (), {"capped": True, "size": 4000}))


def test_a_sharded_cluster_is_not_restored_over_itself(tmp_path: Any) -> None:
    with (
        Scripted(hello=ROUTER) as router,
        connected(Access(address=router.address)) as client,
        pytest.raises(EngineError, match="A sharded cluster cannot be restored over itself"),
    ):
        exchange.restore(
            client,
            dump_of(),
            lambda: Contents(()),
            lambda _: None,
            tag="1",
            directory=tmp_path,
            address="mongodb://db/",
        )

    assert not list(tmp_path.iterdir())
    assert not router.named("create")


def test_documents_that_are_gone_when_everything_is_loaded_are_missed() -> None:
    with (
        Accepting(count={"n": 1}) as server,
        connected(Access(address=server.address)) as client,
        pytest.raises(EngineError, match="has only 1 of the 2 documents"),
    ):
        loaded(client, Dumped("orders", [{"_id": 1}, {"_id": 2}]))


def test_documents_that_expire_may_be_gone() -> None:
    expiring = {"key": {"at": 1}, "name": "at_1", "expireAfterSeconds": 10}
    with Accepting(count={"n": 0}) as server, connected(Access(address=server.address)) as client:
        loaded(client, Dumped("orders", [{"_id": 1}], indexes=[expiring]))


@pytest.mark.parametrize("command", ["create", "insert", "createIndexes"])
def test_a_write_that_no_majority_confirms_is_an_error(command: str) -> None:
    unconfirmed = {"n": 1, "writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}}
    with (
        Accepting(**{command: unconfirmed}) as server,
        connected(Access(address=server.address)) as client,
        pytest.raises(EngineError, match="did not confirm a write on a majority"),
    ):
        loaded(client, Dumped("orders", [{"_id": 1}], indexes=[{"key": {"a": 1}, "name": "a_1"}]))
