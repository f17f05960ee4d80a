"""The commands clients may send, and what they may not do by the way."""

import contextlib
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.database import Database
from pymongo.errors import OperationFailure

from instances.engine import client, results
from instances.engine.calls import Engine
from instances.engine.guards import GuardedHandler, sqlite3
from instances.engine.wire import Document
from tests.instances.engine.servers import Server, run
from tests.waiting import wait_for


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
        {"$facet": {"a": [{"$count": "n"}]}},
        {"$lookup": {"from": "items", "as": "a", "pipeline": [{"$merge": {"into": "copy"}}]}},
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


def test_a_pipeline_makes_no_collection(database: Database[Document]) -> None:
    database.items.insert_one({"_id": 1})
    for stage in ({"$lookup": {"from": "b", "localField": "a", "foreignField": "b", "as": "c"}}, {"$unionWith": "b"}):
        with contextlib.suppress(OperationFailure):
            database.items.aggregate([stage])
    assert database.list_collection_names() == ["items"]


def test_a_collection_is_not_made_by_being_looked_at(handler: GuardedHandler) -> None:
    with handler.transaction("shop") as connection:
        assert connection["items"].name == "items"
        assert not connection.has_collection("items")


def test_a_command_that_reads_cannot_write(handler: GuardedHandler) -> None:
    with handler.reading("admin") as connection, pytest.raises(sqlite3.OperationalError, match="readonly"):
        assert connection is not None
        connection.collection("items")


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
