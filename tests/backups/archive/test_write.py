"""Writing an archive: what is in it, and what is left when it fails."""

import hashlib
import io
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from backups import archive
from backups.archive import ArchiveError, Manifest
from backups.storage import FolderStorage
from instances.engine.checks import Checks
from instances.engine.snapshot import SnapshotError
from tests.backups.archive.archives import MANIFEST, NAME, content, ignore, make_databases, tar_of


class Cancelled(Exception):
    pass


class ObjectStorage(Storage):
    """Uploads in parts as object storages do: read(n) until nothing comes, without seeking; visible when whole."""

    def __init__(self, part: int = 3_000_001) -> None:
        self.part, self.objects, self.parts = part, dict[str, bytes](), list[int]()

    def _save(self, name: str, content: Any) -> str:
        assert not content.seekable()
        upload = io.BytesIO()
        while data := content.read(self.part):
            self.parts.append(len(data))
            upload.write(data)
        self.objects[name] = upload.getvalue()
        return name

    def exists(self, name: str) -> bool:
        return name in self.objects

    def size(self, name: str) -> int:
        return len(self.objects[name])

    def delete(self, name: str) -> None:
        self.objects.pop(name, None)


@pytest.fixture
def databases(tmp_path: Path) -> tuple[Manifest, dict[str, Path]]:
    return make_databases(tmp_path / "staging", shop=20_000, users=10, empty=0)


def test_members_come_in_the_order_of_the_format(databases: tuple[Manifest, dict[str, Path]]) -> None:
    storage = InMemoryStorage()
    archive.write(storage, NAME, *databases, progress=ignore)
    with tar_of(content(storage)) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == [
        *("manifest.json", "databases/shop.db", "databases/users.db", "databases/empty.db", "SHA256SUMS")
    ]
    assert all(member.isreg() and member.mode == 0o600 for member in members)


def test_size_and_digest_are_those_of_the_whole_archive(databases: tuple[Manifest, dict[str, Path]]) -> None:
    storage = InMemoryStorage()
    written = archive.write(storage, NAME, *databases, progress=ignore)
    assert written.size == len(content(storage))
    assert written.sha256 == hashlib.sha256(content(storage)).hexdigest()


def test_the_manifest_comes_back_as_it_was(databases: tuple[Manifest, dict[str, Path]]) -> None:
    storage = InMemoryStorage()
    archive.write(storage, NAME, *databases, progress=ignore)
    assert archive.read_manifest(storage, NAME) == databases[0]


def test_an_archive_without_databases_is_whole(tmp_path: Path) -> None:
    storage = InMemoryStorage()
    archive.write(storage, NAME, MANIFEST, {}, progress=ignore)
    assert archive.unpack(storage, NAME, tmp_path / "unpacked", progress=ignore) == MANIFEST
    assert list((tmp_path / "unpacked").iterdir()) == []


@pytest.mark.skipif(not (shutil.which("zstd") and shutil.which("sha256sum")), reason="zstd is not installed")
def test_plain_tar_and_sha256sum_open_it(databases: tuple[Manifest, dict[str, Path]], tmp_path: Path) -> None:
    archive.write(FolderStorage(tmp_path), NAME, *databases, progress=ignore)
    there = tmp_path / "there"
    there.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", str(tmp_path / NAME)], cwd=there, check=True)
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=there, check=True, capture_output=True, text=True
    )
    assert checked.stdout.count(": OK") == 4
    for name, path in databases[1].items():
        assert (there / "databases" / f"{name}.db").read_bytes() == path.read_bytes()


def test_object_storages_take_it_in_parts_of_their_size(databases: tuple[Manifest, dict[str, Path]]) -> None:
    storage = ObjectStorage(part=100_001)
    written = archive.write(storage, NAME, *databases, progress=ignore)
    assert written.sha256 == hashlib.sha256(storage.objects[NAME]).hexdigest()
    assert len(storage.parts) > 2 and set(storage.parts[:-1]) == {100_001}


def test_progress_counts_bytes_read_and_written(databases: tuple[Manifest, dict[str, Path]]) -> None:
    reports: list[tuple[int, int]] = []
    written = archive.write(
        InMemoryStorage(), NAME, *databases, progress=lambda read, size: reports.append((read, size))
    )
    assert reports == sorted(reports)
    assert reports[-1] == (sum(database.bytes for database in databases[0].databases), written.size)


@pytest.mark.parametrize("make", [FolderStorage, FileSystemStorage, lambda path: ObjectStorage()])
def test_cancelling_leaves_nothing(
    databases: tuple[Manifest, dict[str, Path]], tmp_path: Path, make: Callable[[Path], Storage]
) -> None:
    folder = tmp_path / "backups"
    storage = make(folder)

    def cancel(read: int, _written: int) -> None:
        if read > 2_000_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        archive.write(storage, NAME, *databases, progress=cancel)
    assert not storage.exists(NAME)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_an_existing_archive_is_never_overwritten(databases: tuple[Manifest, dict[str, Path]]) -> None:
    storage = ObjectStorage()
    storage.objects[NAME] = b"older"
    with pytest.raises(ArchiveError, match="already"):
        archive.write(storage, NAME, *databases, progress=ignore)
    assert storage.objects == {NAME: b"older"}


def test_a_storage_that_renames_is_refused_and_cleaned(databases: tuple[Manifest, dict[str, Path]]) -> None:
    class Renaming(ObjectStorage):
        def _save(self, name: str, content: Any) -> str:
            return super()._save(f"other-{name}", content)

    storage = Renaming()
    with pytest.raises(ArchiveError, match="saved the archive as other-"):
        archive.write(storage, NAME, *databases, progress=ignore)
    assert storage.objects == {}


def test_a_storage_that_loses_the_end_is_refused_and_cleaned(databases: tuple[Manifest, dict[str, Path]]) -> None:
    class Losing(ObjectStorage):
        def _save(self, name: str, content: Any) -> str:
            saved = super()._save(name, content)
            self.objects[name] = self.objects[name][:-1]
            return saved

    storage = Losing()
    with pytest.raises(ArchiveError, match=r"holds \d+ bytes of the archive instead of"):
        archive.write(storage, NAME, *databases, progress=ignore)
    assert storage.objects == {}


def test_a_storage_that_takes_an_error_for_the_end_is_refused(databases: tuple[Manifest, dict[str, Path]]) -> None:
    read_on: list[bytes] = []

    class Careless(ObjectStorage):
        def _save(self, name: str, content: Any) -> str:
            try:
                return super()._save(name, content)
            except Cancelled:
                with suppress(Cancelled):
                    read_on.append(content.read(1))
                self.objects[name] = b"half"
                return name

    def cancel(read: int, _written: int) -> None:
        raise Cancelled

    storage = Careless()
    with pytest.raises(Cancelled):
        archive.write(storage, NAME, *databases, progress=cancel)
    assert read_on == []
    assert storage.objects == {}


@pytest.mark.parametrize("change", [-1, 1])
def test_a_copy_that_is_not_as_the_manifest_says_is_refused(
    databases: tuple[Manifest, dict[str, Path]], change: int
) -> None:
    storage = InMemoryStorage()
    path = databases[1]["users"]
    path.write_bytes((path.read_bytes() + b"x")[: path.stat().st_size + change])
    with pytest.raises(ArchiveError, match="database users changed"):
        archive.write(storage, NAME, *databases, progress=ignore)
    assert not storage.exists(NAME)


@pytest.mark.parametrize("name", ["shop", "empty"])
def test_a_damaged_copy_never_becomes_an_archive(
    databases: tuple[Manifest, dict[str, Path]], tmp_path: Path, name: str
) -> None:
    """Also the last one, which is read before its check can have ended."""
    with databases[1][name].open("r+b") as file:
        file.seek(file.seek(0, os.SEEK_END) - 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(SnapshotError, match=f"copy of database {name} is damaged"):
        archive.write(FolderStorage(tmp_path / "backups"), NAME, *databases, progress=ignore)
    assert list((tmp_path / "backups").iterdir()) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("check")]


def test_an_archive_waits_for_checks_that_are_slower_than_it(
    databases: tuple[Manifest, dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_read = threading.Event()
    total = sum(database.bytes for database in databases[0].databases)
    check_all = Checks._check_all

    def check_late(checks: Checks) -> None:
        assert everything_read.wait(10)
        check_all(checks)

    def note(read: int, _written: int) -> None:
        if read == total:
            everything_read.set()

    monkeypatch.setattr(Checks, "_check_all", check_late)
    databases[1]["users"].write_bytes(b"\xff" * databases[1]["users"].stat().st_size)
    storage = ObjectStorage()
    with pytest.raises(SnapshotError, match="copy of database users is damaged"):
        archive.write(storage, NAME, *databases, progress=note)
    assert storage.objects == {}


def test_the_storages_own_trouble_is_one_sentence(databases: tuple[Manifest, dict[str, Path]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveError, match=r"^The archive could not be written: Not a directory \(.*\)\.$"):
        archive.write(FolderStorage(tmp_path / "file" / "backups"), NAME, *databases, progress=ignore)


def test_of_several_at_the_same_time_only_the_first_has_workers_and_all_hold_the_same(
    databases: tuple[Manifest, dict[str, Path]],
) -> None:
    alone, crowded = InMemoryStorage(), InMemoryStorage()
    archive.write(alone, NAME, *databases, progress=ignore)
    with archive._writers.one_more() as first, archive._writers.one_more() as second:
        assert first > 0 and second == 0
        archive.write(crowded, NAME, *databases, progress=ignore)
    with archive._writers.one_more() as again:
        assert again == first
    with tar_of(content(alone)) as one, tar_of(content(crowded)) as other:
        assert one.getnames() == other.getnames()
        for name in one.getnames():
            assert one.extractfile(name).read() == other.extractfile(name).read()  # type: ignore[union-attr]
