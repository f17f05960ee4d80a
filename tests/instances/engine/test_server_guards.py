"""What the engine must not do as it is shipped. Each of these fails without its guard."""

import sqlite3
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from nx_27017 import handler as handler_module  # type: ignore[import-untyped]
from pymongo import MongoClient, WriteConcern
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from instances.engine import client, commands, results
from instances.engine.calls import Engine
from instances.engine.guards import CommandError, GuardedConnection, GuardedHandler
from instances.engine.wire import Document
from tests.instances.engine.servers import Server
from tests.waiting import wait_for


def run(engine: Engine, body: Document, database: str = "shop") -> Document:
    return commands.run(engine, {**body, "$db": database}, owner="test")


def synchronous(handler: GuardedHandler, database: str = "shop") -> int:
    level: int = handler.get_database(database).db.execute("PRAGMA synchronous").fetchone()[0]
    return level


FULL = 2


# Durability of each write


def test_every_database_is_written_with_full_synchronisation(engine: Engine) -> None:
    run(engine, {"insert": "items", "documents": [{"n": 1}]})
    assert synchronous(engine.handler) == FULL
    assert synchronous(engine.handler, "admin") == FULL


def test_a_database_made_again_is_synchronised_as_well(engine: Engine) -> None:
    for _ in range(2):
        assert run(engine, {"insert": "items", "documents": [{"n": 1}]})["n"] == 1
        assert synchronous(engine.handler) == FULL
        run(engine, {"dropDatabase": 1})


@pytest.mark.parametrize("concern", [{"w": 0}, {"w": 1}, {"w": 1, "j": False}, {"w": "majority"}])
def test_a_write_concern_cannot_lower_it(engine: Engine, concern: Document) -> None:
    assert run(engine, {"insert": "items", "documents": [{"n": 1}], "writeConcern": concern})["n"] == 1
    engine.handler.get_database("shop")._apply_write_concern(concern)
    assert synchronous(engine.handler) == FULL
    clone = engine.handler.get_database("shop").with_options(write_concern=concern)
    assert clone.db.execute("PRAGMA synchronous").fetchone()[0] == FULL


def test_acknowledgement_by_several_nodes_is_refused(database: Database[Document]) -> None:
    two = database.get_collection("items", write_concern=WriteConcern(w=2))
    with pytest.raises(OperationFailure) as refused:
        two.insert_one({})
    assert refused.value.code == 2


def test_transactions_are_refused(mongo: MongoClient[Document], database: Database[Document]) -> None:
    with mongo.start_session() as session, pytest.raises(OperationFailure) as refused, session.start_transaction():
        database.items.insert_one({"n": 1}, session=session)
    assert refused.value.code == 20
    assert database.items.count_documents({}) == 0


@pytest.mark.parametrize("option", [{"startTransaction": True}, {"autocommit": False}, {"txnNumber": 1}])
def test_every_sign_of_a_transaction_is_refused(shared: Server, option: Document) -> None:
    with pytest.raises(client.EngineError) as refused:
        client.command(shared.port, {"insert": "items", "documents": [{}], **option}, database="shop")
    assert refused.value.code == 20


def test_no_command_leaves_a_transaction_open(handler: GuardedHandler) -> None:
    with handler.reading("admin") as connection:
        assert connection is not None
        connection.db.execute("SAVEPOINT left_behind")
    assert not connection.db.in_transaction


def test_what_was_not_committed_is_rolled_back_when_a_file_is_closed(tmp_path: Path) -> None:
    connection = GuardedConnection(str(tmp_path / "a.db"))
    connection.collection("items")
    connection.db.execute("BEGIN")
    connection["items"].insert_one({"n": 1})
    connection.close()
    assert GuardedConnection(str(tmp_path / "a.db"))["items"].count_documents({}) == 0


@pytest.mark.parametrize("ordered", [True, False])
def test_a_batch_the_storage_took_back_is_not_acknowledged(engine: Engine, ordered: bool) -> None:
    run(engine, {"insert": "items", "documents": [{"_id": "before"}]})
    db = engine.handler.get_database("shop").db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages + 2}")
    large = [{"_id": number, "text": "x" * 2000} for number in range(20)]
    reply = run(engine, {"insert": "items", "documents": large, "ordered": ordered})
    assert (reply["ok"], reply["codeName"]) == (0, "OutOfDiskSpace")
    db.execute("PRAGMA max_page_count=100000")
    assert run(engine, {"count": "items", "query": {"_id": "before"}})["n"] == 1
    assert run(engine, {"insert": "items", "documents": large[:1], "ordered": ordered}).get("n") in (0, 1)


def test_a_transaction_that_ended_before_its_time_is_an_error(handler: GuardedHandler) -> None:
    with pytest.raises(sqlite3.OperationalError), handler.transaction("shop") as connection:
        connection.db.execute("ROLLBACK")
        connection.collection("items").insert_one({"n": 1})


def test_a_collection_whose_making_was_taken_back_can_be_made_again(engine: Engine) -> None:
    with pytest.raises(CommandError), engine.handler.transaction("shop") as connection:
        connection.collection("items").insert_one({"n": 1})
        raise CommandError(8, "UnknownError", "as if the disk were full")
    update = {"q": {"n": 1}, "u": {"$set": {"m": 1}}, "upsert": True}
    assert run(engine, {"update": "items", "updates": [update]})["n"] == 1
    assert run(engine, {"count": "items"})["n"] == 1


def test_a_batch_is_one_transaction(engine: Engine) -> None:
    statements: list[str] = []
    engine.handler.get_database("shop").db.set_trace_callback(statements.append)
    assert run(engine, {"insert": "items", "documents": [{"n": n} for n in range(1000)]})["n"] == 1000
    assert statements.count("COMMIT") == statements.count("BEGIN IMMEDIATE") == 1


def test_an_ordered_batch_ends_at_its_first_error(database: Database[Document]) -> None:
    with pytest.raises(BulkWriteError) as failed:
        database.items.insert_many([{"_id": 1}, {"_id": 2}, {"_id": 1}, {"_id": 3}])
    assert [(error["index"], error["code"]) for error in failed.value.details["writeErrors"]] == [(2, 11000)]
    assert failed.value.details["nInserted"] == 2
    assert [item["_id"] for item in database.items.find()] == [1, 2]


def test_an_unordered_batch_goes_on_after_its_errors(database: Database[Document]) -> None:
    with pytest.raises(BulkWriteError) as failed:
        database.items.insert_many(
            [{"_id": 1}, {"_id": 1}, {"_id": 2}, {"_id": 3, "n": float("nan")}, {"_id": 4}], ordered=False
        )
    assert [error["index"] for error in failed.value.details["writeErrors"]] == [1, 3]
    assert failed.value.details["nInserted"] == 3
    assert [item["_id"] for item in database.items.find()] == [1, 2, 4]


def test_an_operation_that_fails_midway_changes_nothing(database: Database[Document]) -> None:
    database.items.create_index("code", unique=True)
    database.items.insert_many([{"_id": n, "code": n} for n in range(3)])
    with pytest.raises(DuplicateKeyError):
        database.items.update_many({}, {"$set": {"code": 7}})
    assert [item["code"] for item in database.items.find()] == [0, 1, 2]


def test_a_failed_find_and_modify_is_an_error(database: Database[Document]) -> None:
    database.items.create_index("code", unique=True)
    database.items.insert_many([{"_id": 1, "code": "a"}, {"_id": 2, "code": "b"}])
    with pytest.raises(DuplicateKeyError):
        database.items.find_one_and_update({"_id": 2}, {"$set": {"code": "a"}})


def test_writers_wait_for_a_lock_held_outside(server: Server) -> None:
    """As a backup holds it while it takes its cut; meanwhile ping and hello are answered, however many wait."""
    client.command(server.port, {"insert": "items", "documents": [{}]}, database="shop")
    insert = {"insert": "items", "documents": [{}]}
    outside = sqlite3.connect(server.home / "data" / "shop.db", isolation_level=None)
    with ThreadPoolExecutor(80) as threads:
        outside.execute("BEGIN IMMEDIATE")
        waiting = [threads.submit(client.command, server.port, insert, database="shop", timeout=9) for _ in range(80)]
        wait_for(lambda: client.command(server.port, {"hello": 1}) and connections(server) > 79)
        assert client.ping(server.port, timeout=1)
        assert not any(future.done() for future in waiting)
        outside.execute("ROLLBACK")
        assert all(future.result()["n"] == 1 for future in waiting)
    outside.close()
    assert client.command(server.port, {"count": "items"}, database="shop")["n"] == 81


def connections(server: Server) -> int:
    """How many connections the server has, by what the kernel says."""
    wanted = f"{server.port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{wanted}") and row[3] == "01" for row in rows)


# Commands


@pytest.mark.parametrize(
    "body",
    [
        {"upload": 1, "filename": "f", "data": b"x"},
        {"createSearchIndexes": "items", "indexes": [{"name": "n"}]},
        {"bulkWrite": 1, "ops": [{"insert": 0, "document": {}}], "nsInfo": [{"ns": "a.b"}]},
        {"commitTransaction": 1},
        {"vacuum": 1},
        {"compact": "items"},
        {"query_only": 1},
        {"wal_checkpoint": 1},
        {"journal_mode": 1},
        {"synchronous": 1},
        {"eval": "1"},
    ],
    ids=lambda body: next(iter(body)),
)
def test_a_command_that_is_not_known_to_be_safe_does_not_exist(shared: Server, body: Document) -> None:
    with pytest.raises(client.EngineError) as refused:
        client.command(shared.port, body)
    assert refused.value.code == 59


def test_a_command_is_what_its_first_field_says(database: Database[Document]) -> None:
    database.items.insert_one({"_id": 1})
    database.command({"find": "items", "drop": "items", "dropDatabase": 1, "vacuum": 1})
    assert database.items.count_documents({}) == 1


def test_only_the_documents_of_an_insert_are_inserted(database: Database[Document]) -> None:
    database.command({"insert": "items", "documents": [{"_id": 1}], "comment": {"by": "a test"}, "let": {"a": 1}})
    assert list(database.items.find()) == [{"_id": 1}]


@pytest.mark.parametrize(
    "stage",
    [
        {"$out": "copy"},
        {"$merge": "copy"},
        {"$facet": {"a": [{"$merge": {"into": "copy"}}]}},
        {"$changeStream": {}},
        {"$listSearchIndexes": {}},
    ],
    ids=lambda stage: next(iter(stage)),
)
def test_a_pipeline_neither_writes_nor_watches(database: Database[Document], stage: Document) -> None:
    database.items.insert_one({"_id": 1})
    with pytest.raises(OperationFailure) as refused:
        database.items.aggregate([stage])
    assert refused.value.code == 115
    assert database.list_collection_names() == ["items"]


def test_change_streams_are_refused(database: Database[Document]) -> None:
    with pytest.raises(OperationFailure), database.items.watch():
        pass


def test_a_collection_is_renamed_in_its_own_database(
    mongo: MongoClient[Document], database: Database[Document]
) -> None:
    database.items.insert_one({"_id": 1})
    mongo.admin["items"].drop()
    database.items.rename("things")
    assert database.list_collection_names() == ["things"]
    database.items.insert_one({"_id": 2})
    assert [item["_id"] for item in database.things.find()] == [1]
    assert [item["_id"] for item in database.items.find()] == [2]


def test_a_collection_is_not_renamed_over_another_or_into_another_database(
    mongo: MongoClient[Document], database: Database[Document]
) -> None:
    database.items.insert_one({"_id": 1})
    database.things.insert_one({"_id": 2})
    for target, code in ((f"{database.name}.things", 48), ("elsewhere.items", 20)):
        with pytest.raises(OperationFailure) as refused:
            mongo.admin.command({"renameCollection": f"{database.name}.items", "to": target})
        assert refused.value.code == code
    database.items.rename("things", dropTarget=True)
    assert [item["_id"] for item in database.things.find()] == [1]


def test_unacknowledged_writes_are_made_and_not_answered(database: Database[Document]) -> None:
    silent = database.get_collection("items", write_concern=WriteConcern(w=0))
    for number in range(5):
        silent.insert_many([{"_id": f"{number}-{n}"} for n in range(20)])
        # A reply to the write would be taken for the one to this.
        assert database.client.admin.command("ping")["ok"] == 1
    wait_for(lambda: database.items.count_documents({}) == 100)


def test_dropping_a_database_leaves_no_log_behind(server: Server) -> None:
    """Not even when a backup has the file open; the next database of the name would find it."""
    client.command(server.port, {"insert": "items", "documents": [{"_id": 1}]}, database="shop")
    outside = sqlite3.connect(server.home / "data" / "shop.db")
    outside.execute("SELECT count(*) FROM items").fetchone()
    assert {"shop.db", "shop.db-wal", "shop.db-shm"} <= server.files
    client.command(server.port, {"dropDatabase": 1}, database="shop")
    assert not any(name.startswith("shop.") for name in server.files)
    client.command(server.port, {"insert": "items", "documents": [{"_id": 2}]}, database="shop")
    outside.close()
    server.kill()
    server.start()
    assert client.command(server.port, {"count": "items"}, database="shop")["n"] == 1


def test_a_database_that_cannot_be_dropped_is_not_said_to_be(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    run(engine, {"insert": "items", "documents": [{"_id": 1}]})

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert run(engine, {"dropDatabase": 1})["ok"] == 0


def test_dropping_names_no_other_database(database: Database[Document]) -> None:
    database.items.insert_one({})
    with pytest.raises(OperationFailure):
        database.client["other"].command({"dropDatabase": database.name})
    assert database.items.count_documents({}) == 1


def test_reading_makes_neither_database_nor_collection(shared: Server, mongo: MongoClient[Document]) -> None:
    nowhere = mongo["nowhere"]
    assert nowhere.items.find_one() is None
    assert nowhere.items.count_documents({}) == nowhere.items.estimated_document_count() == 0
    assert nowhere.items.distinct("n") == nowhere.list_collection_names() == []
    assert list(nowhere.items.aggregate([{"$match": {}}])) == []
    assert "nowhere.db" not in shared.files


def test_a_result_is_read_to_its_end_or_an_error(database: Database[Document]) -> None:
    database.items.insert_many([{"_id": n} for n in range(1000)])
    assert [item["_id"] for item in database.items.find(batch_size=7)] == list(range(1000))
    with pytest.raises(OperationFailure) as gone:
        database.command({"getMore": 10**12 + 10**6, "collection": "items"})
    assert gone.value.code == 43


def test_a_result_larger_than_there_is_room_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "ALL_BYTES", 20_000)
    run(engine, {"insert": "items", "documents": [{"text": "x" * 100} for _ in range(200)]})
    assert run(engine, {"find": "items"})["code"] == 146
    first = run(engine, {"find": "items", "limit": 120, "batchSize": 2})["cursor"]
    assert run(engine, {"find": "items", "limit": 120})["code"] == 146
    assert run(engine, {"killCursors": "items", "cursors": [first["id"]]})["cursorsKilled"] == [first["id"]]
    assert run(engine, {"find": "items", "limit": 120, "batchSize": 2})["ok"] == 1


def test_the_results_of_a_client_that_left_are_forgotten(server: Server) -> None:
    client.command(server.port, {"insert": "items", "documents": [{} for _ in range(5000)]}, database="shop")
    left = client.command(server.port, {"find": "items"}, database="shop")["cursor"]["id"]

    def forgotten() -> bool:
        try:
            client.command(server.port, {"getMore": left, "collection": "items", "batchSize": 1}, database="shop")
        except client.EngineError as error:
            return error.code == 43
        return False

    wait_for(forgotten, seconds=5)


def test_a_large_result_does_not_wait_in_memory(engine: Engine) -> None:
    for _ in range(4):
        run(engine, {"insert": "items", "documents": [{"text": "x" * 5000} for _ in range(1000)]})
    tracemalloc.start()
    cursor = run(engine, {"find": "items"})["cursor"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * results.MEMORY_BYTES
    rest = run(engine, {"getMore": cursor["id"], "collection": "items"})["cursor"]
    assert len(cursor["firstBatch"]) + len(rest["nextBatch"]) > 3000 and rest["id"] == cursor["id"]


def test_a_long_query_keeps_nobody_from_writing(engine: Engine) -> None:
    run(engine, {"insert": "items", "documents": [{}]})
    with engine.handler.reading("shop") as connection, ThreadPoolExecutor(1) as threads:
        assert connection is not None
        query = iter(connection.db.execute("SELECT * FROM items"))
        next(query)
        assert threads.submit(run, engine, {"insert": "items", "documents": [{}]}).result(5)["n"] == 1
    assert run(engine, {"count": "items"})["n"] == 2


def test_a_query_waits_for_no_writer_and_sees_only_what_was_committed(engine: Engine) -> None:
    run(engine, {"insert": "items", "documents": [{}]})
    with engine.handler.transaction("shop") as connection, ThreadPoolExecutor(1) as threads:
        connection["items"].insert_one({})
        assert threads.submit(run, engine, {"count": "items"}).result(5)["n"] == 1
    assert run(engine, {"count": "items"})["n"] == 2


def test_a_query_notices_what_was_renamed_and_indexed(engine: Engine) -> None:
    run(engine, {"insert": "items", "documents": [{"_id": 1, "n": 1}]})
    assert len(run(engine, {"find": "items", "filter": {"n": 1}})["cursor"]["firstBatch"]) == 1
    run(engine, {"renameCollection": "shop.items", "to": "shop.things"}, "admin")
    run(engine, {"insert": "items", "documents": [{"_id": 2, "n": 2}]})
    run(engine, {"createIndexes": "things", "indexes": [{"key": {"n": 1}, "name": "n_1"}]})
    for name, n in (("things", 1), ("items", 2)):
        found = run(engine, {"find": name, "filter": {"n": n}})["cursor"]["firstBatch"]
        assert [document["_id"] for document in found] == [n]
    assert len(run(engine, {"listIndexes": "things"})["cursor"]["firstBatch"]) == 2


# Databases and files


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


# What it says of itself


def test_it_says_which_version_drivers_may_expect(mongo: MongoClient[Document]) -> None:
    info = mongo.server_info()
    assert (info["version"], info["versionArray"], info["ok"]) == ("7.0.0", [7, 0, 0, 0], 1)
    assert info["gitVersion"] == "nx-27017 0.8.1" and info["storageEngines"] == ["SQLite"]
    assert mongo.admin.command("hello")["maxWireVersion"] == 21


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
