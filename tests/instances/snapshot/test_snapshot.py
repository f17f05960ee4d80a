"""What is in a snapshot of databases that nobody writes to."""

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from neosqlite import Connection  # type: ignore[import-untyped]

from instances.engine.snapshot import CollectionCount, Progress, snapshot, space_needed
from tests.instances.snapshot.databases import connect, ids, ignore, make_database


def test_copies_hold_every_document_also_those_still_in_the_journal(data_dir: Path, staging: Path) -> None:
    make_database(data_dir / "shop.db", documents=1000)
    with contextlib.closing(connect(data_dir / "shop.db")) as client:
        client.execute("PRAGMA wal_autocheckpoint=0")
        client.execute("INSERT INTO numbers (_id, data) VALUES ('last', '{}')")
        assert (data_dir / "shop.db-wal").stat().st_size > 0
        taken = snapshot(data_dir, staging, progress=ignore)
    (copy,) = taken.databases
    assert copy.name == "shop"
    assert copy.collections == (CollectionCount("numbers", 1001),)
    assert ids(copy.path) == [*map(str, range(1000)), "last"]
    assert copy.path.stat().st_size == copy.bytes == copy.pages * copy.page_size


def test_the_moment_of_the_cut_and_the_pause_are_told(data_dir: Path, staging: Path) -> None:
    make_database(data_dir / "shop.db")
    before = datetime.now(UTC)
    taken = snapshot(data_dir, staging, progress=ignore)
    assert before <= taken.cut_at <= datetime.now(UTC)
    assert taken.cut_at.utcoffset() == timedelta(0)
    assert 0 < taken.pause_seconds < 1


def test_copies_are_readable_by_their_owner_only(data_dir: Path, staging: Path) -> None:
    make_database(data_dir / "shop.db")
    (copy,) = snapshot(data_dir, staging, progress=ignore).databases
    assert staging.stat().st_mode & 0o777 == 0o700
    assert copy.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in staging.iterdir()] == ["shop.db"]


def test_databases_come_sorted_by_name_whatever_their_size(data_dir: Path, staging: Path) -> None:
    for name, documents in (("b", 10), ("a-1", 2000), ("C_2", 100)):
        make_database(data_dir / f"{name}.db", documents)
    taken = snapshot(data_dir, staging, progress=ignore)
    assert [copy.name for copy in taken.databases] == ["C_2", "a-1", "b"]
    assert [copy.collections[0].documents for copy in taken.databases] == [100, 2000, 10]


def test_an_instance_without_databases_has_an_empty_snapshot(data_dir: Path, staging: Path) -> None:
    assert snapshot(data_dir, staging, progress=ignore).databases == ()


def test_a_database_without_collections_is_in_the_snapshot(data_dir: Path, staging: Path) -> None:
    Connection(str(data_dir / "admin.db")).close()
    (copy,) = snapshot(data_dir, staging, progress=ignore).databases
    assert (copy.name, copy.collections) == ("admin", ())


def test_files_that_are_not_databases_stay_out(data_dir: Path, staging: Path) -> None:
    make_database(data_dir / "shop.db")
    make_database(data_dir / f"{'x' * 65}.db")
    make_database(data_dir / ".hidden.db")
    make_database(data_dir / "two words.db")
    (data_dir / "new.db").touch()
    (data_dir / "notes.txt").write_text("not a database")
    (data_dir / "link.db").symlink_to(data_dir / "shop.db")
    (data_dir / "directory.db").mkdir()
    assert [copy.name for copy in snapshot(data_dir, staging, progress=ignore).databases] == ["shop"]


def test_collections_are_those_that_a_client_sees(data_dir: Path, staging: Path) -> None:
    engine = Connection(str(data_dir / "shop.db"))
    engine["orders"].insert_many([{"number": number, "note": f"note {number}"} for number in range(7)])
    engine["orders"].create_index("number")
    engine["orders"].create_index("note", fts=True)
    engine["sqlitefans"].insert_one({"a": 1})
    engine["SQLITEX"].insert_one({"a": 1})
    engine["neosqlite_own"].insert_one({"a": 1})
    engine["left_fts_over"].insert_one({"a": 1})
    engine["empty"].insert_one({"a": 1})
    engine["empty"].delete_many({})
    expected = sorted(engine.list_collection_names())
    engine.close()
    (copy,) = snapshot(data_dir, staging, progress=ignore).databases
    assert [collection.name for collection in copy.collections] == expected
    assert {collection.name: collection.documents for collection in copy.collections} == {"empty": 0, "orders": 7}


def test_a_collection_may_have_any_name(data_dir: Path, staging: Path) -> None:
    make_database(data_dir / "shop.db", documents=3, collection="we.ird'] name")
    (copy,) = snapshot(data_dir, staging, progress=ignore).databases
    assert copy.collections == (CollectionCount("we.ird'] name", 3),)


def test_progress_counts_all_bytes_and_ends_with_all(data_dir: Path, staging: Path) -> None:
    make_database(data_dir / "large.db", documents=20_000, size=500)
    make_database(data_dir / "small.db", documents=10)
    reports: list[Progress] = []
    taken = snapshot(data_dir, staging, progress=reports.append)
    total = sum(copy.bytes for copy in taken.databases)
    assert reports[0] == Progress(0, 0)
    assert reports[-1] == Progress(total, total)
    assert [report.done for report in reports] == sorted(report.done for report in reports)
    assert {report.total for report in reports[1:]} == {total}


def test_the_space_needed_counts_files_and_journals(data_dir: Path) -> None:
    make_database(data_dir / "shop.db", documents=1000)
    with contextlib.closing(connect(data_dir / "shop.db")) as client:
        client.execute("INSERT INTO numbers (_id, data) VALUES ('last', '{}')")
        sizes = [(data_dir / name).stat().st_size for name in ("shop.db", "shop.db-wal")]
        assert all(sizes) and space_needed(data_dir) == sum(sizes)


def test_the_source_is_left_as_it_was(data_dir: Path, staging: Path) -> None:
    make_database(data_dir / "shop.db", documents=100)
    before = (data_dir / "shop.db").read_bytes()
    snapshot(data_dir, staging, progress=ignore)
    assert (data_dir / "shop.db").read_bytes() == before


@pytest.mark.parametrize("page_size", [512, 65536])
def test_databases_of_any_page_size_are_copied(data_dir: Path, staging: Path, page_size: int) -> None:
    make_database(data_dir / "shop.db", documents=500)
    with contextlib.closing(connect(data_dir / "shop.db")) as connection:
        for statement in ("journal_mode=DELETE", f"page_size={page_size}"):
            connection.execute(f"PRAGMA {statement}")
        connection.execute("VACUUM")
        connection.execute("PRAGMA journal_mode=WAL")
    (copy,) = snapshot(data_dir, staging, progress=ignore).databases
    assert copy.page_size == page_size
    assert len(ids(copy.path)) == 500
