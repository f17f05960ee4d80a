"""A write that was acknowledged is on disk, whole. Each of these fails without its guard."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from instances.engine import client
from instances.engine.calls import Engine
from instances.engine.guards import CommandError, GuardedConnection, GuardedHandler, sqlite3
from instances.engine.wire import Document
from tests.instances.engine.servers import Server, run
from tests.waiting import wait_for


def synchronous(handler: GuardedHandler, database: str = "shop") -> int:
    level: int = handler.get_database(database).db.execute("PRAGMA synchronous").fetchone()[0]
    return level


FULL = 2


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


def test_a_database_that_waits_to_be_opened_keeps_no_other_waiting(engine: Engine, tmp_path: Path) -> None:
    run(engine, {"insert": "items", "documents": [{}]})
    engine.handler.close(1)
    later = Engine(tmp_path / "data")
    outside = sqlite3.connect(tmp_path / "data" / "shop.db", isolation_level=None)
    with ThreadPoolExecutor(1) as threads:
        outside.execute("BEGIN IMMEDIATE")
        waiting = threads.submit(run, later, {"insert": "items", "documents": [{}]})
        assert run(later, {"insert": "items", "documents": [{}]}, "stock")["n"] == 1
        assert not waiting.done()
        outside.execute("ROLLBACK")
        assert waiting.result()["n"] == 1
    outside.close()
    later.handler.close(1)


def connections(server: Server) -> int:
    """How many connections the server has, by what the kernel says."""
    wanted = f"{server.port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{wanted}") and row[3] == "01" for row in rows)
