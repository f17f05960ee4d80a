"""Databases, collections and indexes: their names, their files, what the server says of them."""

import threading
from pathlib import Path

import pytest
from nx_27017 import handler as handler_module  # type: ignore[import-untyped]
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

from instances.engine import client
from instances.engine.calls import Engine
from instances.engine.guards import GuardedHandler, sqlite3
from instances.engine.wire import Document
from tests.instances.engine.servers import Server, run
from tests.waiting import wait_for


def test_a_database_in_use_is_not_closed_for_another(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler_module, "_MAX_OPEN_DBS", 3)
    run(engine, {"insert": "items", "documents": [{"_id": 1}]}, "busy")
    busy = engine.handler.get_database("busy")
    inside, leave = threading.Event(), threading.Event()

    def use() -> None:
        with engine.handler.transaction("busy") as connection:
            connection["items"].insert_one({"_id": 2})
            inside.set()
            leave.wait(10)

    user = threading.Thread(target=use)
    user.start()
    inside.wait(10)
    for number in range(6):
        run(engine, {"insert": "items", "documents": [{"_id": 1}]}, f"other{number}")
    assert not busy._closed and len(engine.handler._conns) <= 4
    leave.set()
    user.join()
    assert run(engine, {"count": "items"}, "busy")["n"] == 2


def test_a_file_is_never_swapped_for_a_migrated_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOVACUUM_MIGRATION", "1")
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("PRAGMA auto_vacuum=NONE")
        db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, _id, data TEXT NOT NULL)")
    before = (tmp_path / "shop.db").stat().st_ino
    handler = GuardedHandler(tmp_path)
    handler.get_database("shop")
    assert (tmp_path / "shop.db").stat().st_ino == before
    handler.close(1)


@pytest.mark.parametrize("name", ["../escape", "a/b", "", "a b", "x" * 65, "é"])
def test_a_database_name_cannot_leave_the_directory(engine: Engine, tmp_path: Path, name: str) -> None:
    assert run(engine, {"insert": "items", "documents": [{}]}, name)["code"] == 73
    assert {file.name for file in tmp_path.iterdir()} == {"data"}


@pytest.mark.parametrize(
    "name",
    [
        "user_files",
        "fs.files",
        "fs.chunks",
        "neosqlite_index_keys",
        "sqlite_master",
        "a_fts",
        "a-b",
        "1a",
        "a;b",
        "order",
    ],
)
def test_a_collection_name_that_is_not_kept_faithfully_is_refused(database: Database[Document], name: str) -> None:
    with pytest.raises(OperationFailure) as refused:
        database[name].insert_one({"n": 1})
    assert refused.value.code == 73


def test_collections_whose_names_differ_only_by_case_are_refused(database: Database[Document]) -> None:
    database.items.insert_one({"_id": 1})
    with pytest.raises(OperationFailure) as refused:
        database.Items.insert_one({"_id": 1})
    assert refused.value.code == 48
    database.Items.drop()
    assert database.items.count_documents({}) == 1


@pytest.mark.parametrize("option", [{"expireAfterSeconds": 60}, {"partialFilterExpression": {"a": 1}}])
def test_an_index_that_is_not_kept_faithfully_is_refused(database: Database[Document], option: Document) -> None:
    with pytest.raises(OperationFailure) as refused:
        database.items.create_index("time", **option)
    assert refused.value.code == 67


@pytest.mark.parametrize("key", ["text", "2dsphere", "hashed"])
def test_an_index_of_another_kind_is_refused(database: Database[Document], key: str) -> None:
    with pytest.raises(OperationFailure):
        database.items.create_index([("text", key)])


def test_a_unique_index_is_never_skipped_for_its_name(database: Database[Document]) -> None:
    database.items.create_index("a_b")
    for field in ("a.b", "id"):
        with pytest.raises(OperationFailure) as refused:
            database.items.create_index(field, unique=True)
        assert refused.value.code == 86
    database.a.create_index("b_id")
    with pytest.raises(OperationFailure):
        database.a_b.insert_one({"_id": 1})


def test_indexes_are_listed_and_dropped_by_the_drivers_names(database: Database[Document]) -> None:
    database.items.insert_one({"_id": 1, "code": 1})
    names = [database.items.create_index("code", unique=True), database.items.create_index([("a", 1), ("b", -1)])]
    assert set(database.items.index_information()) == {"_id_", "code_1", "a_1_b_1"}
    assert database.items.index_information()["code_1"]["unique"]
    for name in names:
        database.items.drop_index(name)
    assert set(database.items.index_information()) == {"_id_"}
    with pytest.raises(DuplicateKeyError):
        database.items.insert_one({"_id": 1})


def test_a_dropped_collection_leaves_nothing_to_the_next_of_its_name(database: Database[Document]) -> None:
    database.items.create_index("code", unique=True)
    database.items.drop()
    database.items.insert_many([{"code": 1}, {"code": 1}])
    assert set(database.items.index_information()) == {"_id_"}


@pytest.mark.parametrize("options", [{"capped": True, "size": 4096}, {"viewOn": "x", "pipeline": []}])
def test_a_collection_of_a_kind_that_is_not_kept_is_refused(database: Database[Document], options: Document) -> None:
    with pytest.raises(OperationFailure) as refused:
        database.command({"create": "items", **options})
    assert refused.value.code == 115


def test_it_says_which_version_drivers_may_expect(mongo: MongoClient[Document]) -> None:
    info = mongo.server_info()
    assert (info["version"], info["versionArray"], info["ok"]) == ("7.0.0", [7, 0, 0, 0], 1)
    assert info["gitVersion"] == "nx-27017 0.8.1" and info["storageEngines"] == ["SQLite"]
    hello = mongo.admin.command("hello")
    assert (hello["maxWireVersion"], hello["maxWriteBatchSize"]) == (21, 1000)


def test_it_counts_its_connections(server: Server) -> None:
    def current() -> int:
        number: int = client.command(server.port, {"serverStatus": 1})["connections"]["current"]
        return number

    wait_for(lambda: current() == 1)
    with client.Connection(server.port), client.Connection(server.port):
        assert current() == 3
    wait_for(lambda: current() == 1)


def test_databases_are_listed_when_they_hold_collections(
    mongo: MongoClient[Document], database: Database[Document]
) -> None:
    assert database.name not in mongo.list_database_names()
    database.items.insert_one({})
    assert database.name in mongo.list_database_names()
    database.items.drop()
    assert database.name not in mongo.list_database_names()


def test_the_log_holds_no_documents(shared: Server, database: Database[Document]) -> None:
    marker = "spilled-contents"
    database.items.create_index("code", unique=True)
    database.items.insert_one({"_id": marker, "code": marker})
    attempts: list[Document] = [
        {"insert": "items", "documents": [{"code": marker}, {marker: float("inf")}]},
        {"find": "items", "filter": {"$nonsense": marker}},
        {"find": "items", "filter": {marker: {"$regex": f"({marker}"}}},
        {"find": "items", "projection": {marker: {"$bad": marker}}},
        {"aggregate": "items", "pipeline": [{"$project": {"a": {"$toInt": marker}}}]},
        {"aggregate": "items", "pipeline": [{f"${marker}": 1}]},
        {"update": "items", "updates": [{"q": {}, "u": {"$inc": {"code": marker}}}]},
        {"findAndModify": "items", "query": {}, "update": {f"${marker}": {"a": 1}}},
        {"distinct": "items", "key": f"{marker}'\""},
        {"count": "items", "query": marker},
        {"getMore": marker, "collection": marker},
        {marker: 1},
    ]
    failed = 0
    for body in attempts:
        try:
            reply = database.command(body)
        except OperationFailure:
            failed += 1
        else:
            failed += bool(reply.get("writeErrors"))
    assert failed >= 8
    assert " failed: " in shared.log()
    assert marker not in shared.log()
