"""A snapshot that fails leaves nothing and says why."""

import contextlib
import shutil
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from instances.engine import snapshot as snapshot_module
from instances.engine.checks import check
from instances.engine.snapshot import Progress, SnapshotError, snapshot
from tests.instances.snapshot.databases import connect, ignore, make_database

Usage = namedtuple("Usage", "total used free")


class Cancelled(Exception):
    pass


@pytest.fixture
def shop(data_dir: Path) -> Path:
    make_database(data_dir / "shop.db", documents=20_000, size=500)
    make_database(data_dir / "users.db", documents=10)
    return data_dir


@pytest.mark.parametrize("after", [0, 1, 2])
def test_progress_may_cancel_at_any_report(shop: Path, staging: Path, after: int) -> None:
    reports = []

    def cancel(progress: Progress) -> None:
        reports.append(progress)
        if len(reports) > after:
            raise Cancelled

    with pytest.raises(Cancelled):
        snapshot(shop, staging, progress=cancel)
    assert len(reports) == after + 1
    assert not staging.exists()
    assert unlocked(shop)


def test_a_cancelled_copy_is_not_finished_first(shop: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished = []

    def count(path: Path) -> dict[str, int]:
        finished.append(path.stem)
        return {}

    def cancel(progress: Progress) -> None:
        if progress.total:
            raise Cancelled

    monkeypatch.setattr(snapshot_module, "_PAGES_AT_ONCE", 1)
    monkeypatch.setattr(snapshot_module, "count_documents", count)
    with pytest.raises(Cancelled):
        snapshot(shop, staging, progress=cancel)
    assert "shop" not in finished


def test_a_full_disk_is_explained(shop: Path, staging: Path) -> None:
    """In a process whose files may have 4 MB at most, which the kernel reports while SQLite writes."""
    program = """
import resource, sys
from pathlib import Path
from instances.engine.snapshot import SnapshotError, snapshot
resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))
try:
    snapshot(Path(sys.argv[1]), Path(sys.argv[2]), progress=lambda progress: None)
except SnapshotError as error:
    print(error)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, str(shop), str(staging)], capture_output=True, text=True, check=True
    ).stdout
    assert answer.startswith(f"Database shop could not be copied to {staging}")
    assert "free there" in answer
    assert not staging.exists()
    assert unlocked(shop)


def test_too_little_space_is_found_before_anything_is_copied(
    shop: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100, 99, 5 * 1024 * 1024))
    with pytest.raises(SnapshotError, match=r"needs 1\d MB in .*, but only 5 MB are free"):
        snapshot(shop, staging, progress=lambda progress: pytest.fail("it began"))
    assert not staging.exists()


def test_a_file_that_is_no_database_is_named(shop: Path, staging: Path) -> None:
    (shop / "users.db").write_bytes(b"not a database at all " * 500)
    with pytest.raises(SnapshotError, match="Database users is damaged"):
        snapshot(shop, staging, progress=ignore)
    assert not staging.exists()


def test_a_damaged_file_does_not_pass_the_check(shop: Path) -> None:
    check(shop / "shop.db")
    damage(shop / "shop.db")
    with pytest.raises(SnapshotError, match="database shop is damaged"):
        check(shop / "shop.db")


def test_a_missing_data_directory_is_explained(tmp_path: Path, staging: Path) -> None:
    with pytest.raises(SnapshotError, match="data directory could not be read"):
        snapshot(tmp_path / "nowhere", staging, progress=ignore)
    assert not staging.exists()


def test_a_staging_directory_in_use_is_refused_and_kept(shop: Path, staging: Path) -> None:
    staging.mkdir(parents=True)
    (staging / "somebody's").touch()
    with pytest.raises(SnapshotError, match="staging directory"):
        snapshot(shop, staging, progress=ignore)
    assert [path.name for path in staging.iterdir()] == ["somebody's"]


def damage(path: Path) -> None:
    """Overwrite pages in the middle, as a bad disk does; no connection is open."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(bytes(range(256)) * 16 * 4)


def unlocked(data_dir: Path) -> bool:
    for path in data_dir.glob("*.db"):
        with contextlib.closing(connect(path)) as client:
            client.execute("PRAGMA busy_timeout=0")
            client.execute("BEGIN IMMEDIATE")
            client.execute("ROLLBACK")
            # Only when no reader holds an old state is the whole journal written back.
            assert client.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    return True


def test_a_copy_that_is_held_up_by_its_rate_can_be_given_up_at_once(shop: Path, staging: Path) -> None:
    """At a byte per second the first step would be followed by an hour's wait."""
    reports = []

    def give_up(progress: Progress) -> None:
        reports.append(progress)
        if len(reports) == 4:
            raise Cancelled

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        snapshot(shop, staging, progress=give_up, rate=1)
    assert time.monotonic() - begun < 10
    assert not staging.exists()
