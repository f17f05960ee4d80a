"""The cut under clients that write, hold locks, create and drop databases meanwhile."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from instances.engine import cut
from instances.engine.snapshot import Progress, SnapshotError, snapshot
from tests.instances.snapshot.databases import assert_untorn, connect, ignore, make_database, pair_writer


@pytest.fixture
def pairs(data_dir: Path) -> Path:
    """Two databases for pair writers, with something between them that takes time to copy."""
    for name in ("first", "second"):
        make_database(data_dir / f"{name}.db")
    make_database(data_dir / "middle.db", documents=20_000, size=400)
    return data_dir


def test_cuts_are_never_torn_while_clients_write(pairs: Path, tmp_path: Path) -> None:
    seen = []
    with pair_writer(pairs, "a"), pair_writer(pairs, "b"):
        for number in range(8):
            taken = snapshot(pairs, tmp_path / str(number), progress=ignore)
            paths = {copy.name: copy.path for copy in taken.databases}
            seen.append(assert_untorn(paths["first"], paths["second"], ("a", "b")))
            assert taken.pause_seconds < 1
    assert seen == sorted(seen) and seen[0] < seen[-1]


def test_counts_are_those_of_the_cut(pairs: Path, staging: Path) -> None:
    with pair_writer(pairs, "a"):
        taken = snapshot(pairs, staging, progress=ignore)
    documents = {copy.name: copy.collections[0].documents for copy in taken.databases}
    paths = {copy.name: copy.path for copy in taken.databases}
    assert documents["second"] == assert_untorn(paths["first"], paths["second"], ("a",))
    assert documents["middle"] == 20_000


def test_writers_go_on_while_the_copy_is_made(pairs: Path, staging: Path) -> None:
    """The cut is over when copying begins: a write in the middle of it succeeds, and is not in the copy."""
    client = connect(pairs / "first.db")
    client.execute("PRAGMA busy_timeout=0")

    def write_once(progress: Progress) -> None:
        if progress.total and not client.execute("SELECT count(*) FROM numbers").fetchone()[0]:
            client.execute("INSERT INTO numbers (_id, data) VALUES ('meanwhile', '{}')")

    with contextlib.closing(client):
        taken = snapshot(pairs, staging, progress=write_once)
        assert client.execute("SELECT count(*) FROM numbers").fetchone() == (1,)
    assert taken.databases[0].name == "first"
    assert taken.databases[0].collections[0].documents == 0


def test_two_instances_are_copied_at_the_same_time(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("one", "two")]
    for number, home in enumerate(homes):
        home.mkdir()
        make_database(home / "shop.db", documents=3000 + number, size=400)
    both = threading.Barrier(2)

    def copy(home: Path) -> int:
        first = True

        def meet(_progress: Progress) -> None:
            nonlocal first
            if first:
                both.wait(10)
                first = False

        return snapshot(home, tmp_path / f"copy of {home.name}", progress=meet).databases[0].collections[0].documents

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(copy, homes)) == [3000, 3001]


def test_a_long_write_is_waited_for(pairs: Path, staging: Path) -> None:
    """The lock is given back between two attempts, and the cut is taken when the write has ended."""
    client = connect(pairs / "second.db")
    client.execute("BEGIN IMMEDIATE")
    client.execute("INSERT INTO numbers (_id, data) VALUES ('long', '{}')")
    attempts = []

    def commit_before_the_third(progress: Progress) -> None:
        if not progress.total:
            attempts.append(progress)
            if len(attempts) == 3:
                client.execute("COMMIT")
            else:
                other = connect(pairs / "first.db")
                other.execute("INSERT INTO numbers (_id, data) VALUES (?, '{}')", (f"other-{len(attempts)}",))
                other.close()

    with contextlib.closing(client):
        taken = snapshot(pairs, staging, progress=commit_before_the_third)
    counts = {copy.name: copy.collections[0].documents for copy in taken.databases}
    assert len(attempts) == 3
    assert (counts["first"], counts["second"]) == (2, 1)


def test_a_write_that_never_ends_fails_the_snapshot_with_its_database(
    pairs: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "_PATIENCE", (0.01,) * 3)
    monkeypatch.setattr(cut, "_REST", 0.0)
    with contextlib.closing(connect(pairs / "second.db")) as client:
        client.execute("BEGIN IMMEDIATE")
        with pytest.raises(SnapshotError, match=r"standstill.*database second"):
            snapshot(pairs, staging, progress=ignore)
        client.execute("ROLLBACK")
        assert not staging.exists()
        with contextlib.closing(connect(pairs / "first.db")) as other:
            other.execute("PRAGMA busy_timeout=0")
            other.execute("BEGIN IMMEDIATE")


def test_a_database_that_appears_during_the_cut_is_in_it(
    pairs: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between listing and locking a client may create or drop a database: the cut is taken anew."""
    lock = cut._lock

    def create_then_lock(*args: object, **kwargs: object) -> None:
        if not (pairs / "new.db").exists():
            make_database(pairs / "new.db", documents=5)
            (pairs / "middle.db").unlink()
            for journal in pairs.glob("middle.db-*"):
                journal.unlink()
        lock(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(cut, "_lock", create_then_lock)
    taken = snapshot(pairs, staging, progress=ignore)
    assert [copy.name for copy in taken.databases] == ["first", "new", "second"]


def test_a_database_outside_wal_mode_is_not_locked_for_the_whole_copy(
    pairs: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cut, "_PATIENCE", (0.01,))
    monkeypatch.setattr(cut, "_REST", 0.0)
    with contextlib.closing(connect(pairs / "second.db")) as client:
        client.execute("PRAGMA journal_mode=DELETE")
    with pytest.raises(SnapshotError, match="second is not in WAL mode"):
        snapshot(pairs, staging, progress=ignore)
