"""Databases out of archives: sound ones pass, damaged ones are named, and counting asks the server itself."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from pymongo import MongoClient

from instances.engine.inspection import Count, Damaged, Inspection, count_documents
from tests.instances.engine.servers import Server
from tests.instances.snapshot.databases import make_database


def ignore() -> None:
    pass


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    make_database(path, documents=2000)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        # As the engine makes them: an expression of SQLite's JSON functions.
        connection.execute("CREATE INDEX an_index ON numbers (json_extract(data, '$._id'))")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def inspect(path: Path) -> None:
    with Inspection() as inspection:
        inspection.add(path)
        inspection.finish(ignore)


def test_a_sound_database_passes_and_is_left_alone(database: Path) -> None:
    before = database.read_bytes()
    inspect(database)
    assert database.read_bytes() == before
    assert [path.name for path in database.parent.iterdir()] == ["shop.db"]


def test_a_damaged_page_is_found(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096 * 3 : 4096 * 5] = b"\xff" * 8192
    database.write_bytes(content)
    with pytest.raises(Damaged, match="Database shop in the archive is damaged"):
        inspect(database)


def test_a_file_that_is_no_database_is_found(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("This is no database, whatever its name says. " * 1000)
    with pytest.raises(Damaged, match="not a database"):
        inspect(tmp_path / "shop.db")


def test_giving_up_ends_the_checks_that_run(database: Path) -> None:
    class GivenUp(Exception):
        pass

    def give_up() -> None:
        raise GivenUp

    with pytest.raises(GivenUp), Inspection() as inspection:
        for _ in range(50):
            inspection.add(database)
        inspection.finish(give_up)


def test_the_server_tells_how_many_documents_each_collection_has(server: Server) -> None:
    with MongoClient[dict[str, object]]("127.0.0.1", server.port) as client:
        client["shop"]["orders"].insert_many({"n": n} for n in range(7))
        client["shop"]["empty"].insert_one({"_id": 1})
        client["shop"]["empty"].delete_one({"_id": 1})
        client["users"]["people"].insert_one({})
    assert set(count_documents(server.port)) == {
        Count("shop", "orders", 7),
        Count("shop", "empty", 0),
        Count("users", "people", 1),
    }
