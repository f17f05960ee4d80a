"""The folder that contains archives: it has only complete files, under exactly their names."""

import os
import shutil
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File

from backups import placement
from backups.storage.base import NotEnoughSpace, StorageFailed
from backups.storage.folder import FolderStorage
from backups.storage.identity import ID_NAME

Usage = namedtuple("Usage", "total used free")


class Chunks(File):  # type: ignore[type-arg]
    """Content from a generator, which may look at the folder or fail midway."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.pieces = chunks

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        return self.pieces


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def storage(folder: Path) -> FolderStorage:
    return FolderStorage(location=folder)


def test_only_its_owner_can_read_a_saved_file(storage: FolderStorage, folder: Path) -> None:
    assert storage.save("a.tar.zst", ContentFile(b"content")) == "a.tar.zst"
    with storage.open("a.tar.zst") as file:
        assert file.read() == b"content"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "a.tar.zst").stat().st_mode & 0o777 == 0o600


def test_the_name_appears_only_when_the_file_is_complete(storage: FolderStorage, folder: Path) -> None:
    seen = []

    def watched() -> Iterator[bytes]:
        yield b"first"
        seen.append((storage.exists("a"), storage.listdir(""), [path.name for path in folder.iterdir()]))
        yield b"second"

    storage.save("a", Chunks(watched()))
    assert seen == [(False, ([], []), [".a.part"])]
    assert storage.listdir("") == ([], ["a"])
    assert storage.size("a") == len(b"firstsecond")


def test_the_file_is_synced_before_it_is_named_and_then_the_folder_is_synced(
    storage: FolderStorage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def sync(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, (folder / "a").exists()))

    monkeypatch.setattr(os, "fsync", sync)
    storage.save("a", ContentFile(b"content"))
    assert synced == [(".a.part", False), ("backups", True)]


def test_an_existing_file_is_kept_and_a_second_one_is_rejected(storage: FolderStorage, folder: Path) -> None:
    storage.save("a", ContentFile(b"first"))
    with pytest.raises(FileExistsError):
        storage.save("a", ContentFile(b"second"))
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert (folder / "a").read_bytes() == b"first"


def test_only_one_of_two_simultaneous_saves_succeeds(storage: FolderStorage, folder: Path) -> None:
    both = threading.Barrier(2)

    def save(content: bytes) -> bool:
        both.wait(10)
        try:
            storage.save("a", Chunks(iter([content] * 50)))
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(save, [b"x" * 10_000, b"y" * 10_000])) == [False, True]
    assert len(set((folder / "a").read_bytes())) == 1
    assert [path.name for path in folder.iterdir()] == ["a"]


@pytest.mark.parametrize("failing", ["content", "file", "folder"])
def test_a_failed_save_leaves_nothing(
    storage: FolderStorage, folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        if failing == "content":
            raise OSError("no more")

    def sync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        if target.is_dir() == (failing == "folder") and failing != "content":
            raise OSError("the disk fails")

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(OSError, match=r"no more|the disk fails"):
        storage.save("a", Chunks(pieces()))
    assert list(folder.iterdir()) == []


def test_the_leftovers_of_a_killed_save_are_hidden_and_can_be_discarded(storage: FolderStorage, folder: Path) -> None:
    storage.save("b", ContentFile(b"whole"))
    for name in ("a", "c"):
        (folder / f".{name}.part").write_bytes(b"half")
    assert storage.listdir("") == ([], ["b"])
    assert not storage.exists("a")
    storage.discard_partial("a")
    storage.discard_partial("a")
    assert sorted(path.name for path in folder.iterdir()) == [".c.part", "b"]
    storage.save("a", ContentFile(b"again"))
    assert storage.size("a") == 5


@pytest.mark.parametrize("name", ["", ".a.part", ".", "..", "../a", "/etc/passwd", "a/b"])
def test_hidden_names_and_names_outside_the_folder_are_rejected(storage: FolderStorage, name: str) -> None:
    with pytest.raises(SuspiciousFileOperation):
        storage.save(name, ContentFile(b""))
    with pytest.raises(SuspiciousFileOperation):
        storage.discard_partial(name)


def test_a_folder_that_does_not_exist_yet_is_empty(storage: FolderStorage, folder: Path) -> None:
    assert storage.listdir("") == ([], [])
    assert not storage.exists("a")
    storage.delete("a")
    storage.discard_partial("a")
    assert not folder.exists()


def test_insufficient_space_is_reported_in_one_sentence(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.require_space(1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100, 99, 1024))
    with pytest.raises(NotEnoughSpace, match=r"can take up to 1\.0.KB, but only 1\.0.KB are free in .*backups"):
        storage.require_space(1025)


# --- The wrong folder ---------------------------------------------------------------------------------------------


@pytest.fixture
def known(folder: Path, tmp_path: Path) -> FolderStorage:
    """Return a storage that has been used and contains an archive."""
    storage = FolderStorage(location=folder, remembered=tmp_path / "storage-id")
    storage.save("a", ContentFile(b"content"))
    return storage


@pytest.fixture(params=["missing", "empty"])
def away(request: pytest.FixtureRequest, known: FolderStorage, folder: Path) -> FolderStorage:
    """Return the storage while the folder's disk is not mounted."""
    folder.rename(folder.with_name("away"))
    if request.param == "empty":
        folder.mkdir()
    return known


def test_a_used_storage_keeps_working(known: FolderStorage, folder: Path, tmp_path: Path) -> None:
    again = FolderStorage(location=folder, remembered=tmp_path / "storage-id")
    assert again.listdir("") == ([], ["a"])
    assert not again.exists("b")
    again.save("b", ContentFile(b"content"))
    again.delete("a")
    assert again.listdir("") == ([], ["b"])


def test_a_missing_file_is_reported_as_missing(known: FolderStorage) -> None:
    for read in (known.size, known.open):
        with pytest.raises(FileNotFoundError):
            read("b")


@pytest.mark.parametrize(
    "use",
    [
        lambda storage: storage.save("b", ContentFile(b"content")),
        lambda storage: storage.open("a"),
        lambda storage: storage.size("a"),
        lambda storage: storage.exists("a"),
        lambda storage: storage.delete("a"),
        lambda storage: storage.free_space(),
    ],
    ids=["save", "open", "size", "exists", "delete", "free_space"],
)
def test_without_its_disk_no_file_is_reported_missing_written_or_deleted(
    away: FolderStorage, folder: Path, use: Callable[[FolderStorage], object]
) -> None:
    with pytest.raises(
        StorageFailed, match=r"the one that was used before; mount its disk, or empty the file \S+/storage-id"
    ):
        use(away)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_storage_works_again_once_its_disk_is_mounted(away: FolderStorage, folder: Path) -> None:
    if folder.exists():
        folder.rmdir()
    folder.with_name("away").rename(folder)
    assert away.exists("a")


def test_an_administrator_can_accept_another_folder(away: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "storage-id").write_text("")
    away.save("b", ContentFile(b"content"))
    assert away.listdir("") == ([], ["b"])


@pytest.fixture
def expecting(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStorage:
    """Return a storage that was never used, of a console that has the backups a and b."""
    monkeypatch.setattr(placement, "newest_archives", lambda: ["b", "a"])
    return FolderStorage(folder, tmp_path / "storage-id", "backups.placement.newest_archives")


def test_a_new_home_does_not_accept_a_folder_without_the_archives(expecting: FolderStorage, folder: Path) -> None:
    with pytest.raises(StorageFailed, match="not the one that was used before"):
        expecting.delete("a")
    assert not folder.exists()


def test_a_new_home_accepts_the_folder_with_the_archives(expecting: FolderStorage, folder: Path) -> None:
    FolderStorage(folder).save("a", ContentFile(b"content"))
    assert expecting.exists("a") and not expecting.exists("b")
    expecting.delete("a")
    assert not expecting.exists("a")


def test_a_crash_before_the_id_was_written_does_no_harm(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "storage-id").touch()
    storage = FolderStorage(location=folder, remembered=tmp_path / "storage-id")
    storage.save("a", ContentFile(b"content"))
    assert storage.exists("a")


def test_hosts_that_use_a_new_folder_at_the_same_time_agree_on_its_id(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (FolderStorage(folder, tmp_path / name) for name in ("first", "second"))
    read = first.read_id

    def read_slowly() -> str:
        found = read()
        second.require_there()
        return found

    monkeypatch.setattr(first, "read_id", read_slowly)
    assert first.require_there() == second.require_there() == (folder / ID_NAME).read_text()
    assert (tmp_path / "first").read_text() == (tmp_path / "second").read_text()


def test_an_empty_id_is_replaced(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / ID_NAME).touch()
    assert FolderStorage(folder, tmp_path / "storage-id").require_there() == (folder / ID_NAME).read_text() != ""
