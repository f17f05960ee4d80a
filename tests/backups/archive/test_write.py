"""Writing an archive: its contents, and that a failure leaves nothing."""

import hashlib
import io
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage

from backups import archive
from backups.archive import ArchiveError, writer
from backups.storage.folder import FolderStorage
from instances.engines.base import Contents, EngineError
from tests.backups.archive.archives import (
    CONTENTS,
    MANIFEST,
    NAME,
    Made,
    content,
    ignore,
    make_files,
    no_contents,
    path_of,
    tar_of,
)


class Cancelled(Exception):
    pass


class ObjectStorage(Storage):
    """Upload in parts as object storages do: read(n) until the end, without seeking, visible when complete."""

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

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        return ContentFile(self.objects[name], name)

    def exists(self, name: str) -> bool:
        return name in self.objects

    def size(self, name: str) -> int:
        return len(self.objects[name])

    def delete(self, name: str) -> None:
        self.objects.pop(name, None)


@pytest.fixture
def files(tmp_path: Path) -> Made:
    return make_files(tmp_path / "staging", shop=20_000, users=10, empty=0)


def test_members_are_in_the_order_that_the_format_defines(files: Made) -> None:
    storage = InMemoryStorage()
    archive.write(storage, NAME, *files, progress=ignore)
    with tar_of(content(storage)) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == [
        *("manifest.json", "data/secantus_shop.wt", "data/secantus_users.wt", "data/secantus_empty.wt"),
        *("contents.json", "SHA256SUMS"),
    ]
    assert all(member.isreg() and member.mode == 0o600 for member in members)


def test_size_and_digest_are_those_of_the_whole_archive(files: Made) -> None:
    storage = InMemoryStorage()
    written = archive.write(storage, NAME, *files, progress=ignore)
    assert written.size == len(content(storage))
    assert written.sha256 == hashlib.sha256(content(storage)).hexdigest()


def test_contents_are_requested_after_all_files_have_been_read(files: Made) -> None:
    manifest, members, contents = files
    seen: list[int] = []
    reports: list[int] = []

    def take(waiting: Callable[[], None] = lambda: None) -> Contents:
        seen.append(reports[-1])
        waiting()
        assert reports[-2:] == [manifest.size, manifest.size], "it is reported while they are waited for"
        return contents()

    written = archive.write(
        InMemoryStorage(), NAME, manifest, members, take, progress=lambda read, size: reports.append(read)
    )
    assert seen == [manifest.size] and written.contents == CONTENTS


def test_no_archive_is_written_if_the_contents_are_missing(files: Made, tmp_path: Path) -> None:
    manifest, members, _ = files

    def fail(waiting: Callable[[], None] = lambda: None) -> Contents:
        raise EngineError("The backup has ended before.")

    with pytest.raises(EngineError, match="has ended before"):
        archive.write(FolderStorage(tmp_path / "backups"), NAME, manifest, members, fail, progress=ignore)
    assert list((tmp_path / "backups").iterdir()) == []


def test_the_manifest_is_read_back_unchanged(files: Made) -> None:
    storage = InMemoryStorage()
    archive.write(storage, NAME, *files, progress=ignore)
    assert archive.read_manifest(storage, NAME) == files[0]


def test_an_archive_without_files_is_complete(tmp_path: Path) -> None:
    storage = InMemoryStorage()
    archive.write(storage, NAME, MANIFEST, [], no_contents, progress=ignore)
    unpacked = archive.unpack(storage, NAME, tmp_path / "unpacked", progress=ignore)
    assert (unpacked.manifest, unpacked.contents) == (MANIFEST, Contents(()))
    assert list((tmp_path / "unpacked").iterdir()) == []


@pytest.mark.skipif(not (shutil.which("zstd") and shutil.which("sha256sum")), reason="zstd is not installed")
def test_tar_and_sha256sum_can_read_an_archive(files: Made, tmp_path: Path) -> None:
    archive.write(FolderStorage(tmp_path), NAME, *files, progress=ignore)
    there = tmp_path / "there"
    there.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", str(tmp_path / NAME)], cwd=there, check=True)
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=there, check=True, capture_output=True, text=True
    )
    assert checked.stdout.count(": OK") == 5
    for member in files[1]:
        assert (there / member.name).read_bytes() == (tmp_path / "staging" / path_of(member.name)).read_bytes()


def test_an_object_storage_reads_the_archive_in_parts_of_its_own_size(files: Made) -> None:
    storage = ObjectStorage(part=100_001)
    written = archive.write(storage, NAME, *files, progress=ignore)
    assert written.sha256 == hashlib.sha256(storage.objects[NAME]).hexdigest()
    assert len(storage.parts) > 2 and set(storage.parts[:-1]) == {100_001}


def test_progress_counts_bytes_read_and_written(files: Made) -> None:
    reports: list[tuple[int, int]] = []
    written = archive.write(InMemoryStorage(), NAME, *files, progress=lambda read, size: reports.append((read, size)))
    assert reports == sorted(reports)
    assert reports[-1] == (files[0].size, written.size)


@pytest.mark.parametrize("make", [FolderStorage, FileSystemStorage, lambda path: ObjectStorage()])
def test_cancelling_leaves_no_archive(files: Made, tmp_path: Path, make: Callable[[Path], Storage]) -> None:
    folder = tmp_path / "backups"
    storage = make(folder)

    def cancel(read: int, _written: int) -> None:
        if read > 2_000_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        archive.write(storage, NAME, *files, progress=cancel)
    assert not storage.exists(NAME)
    assert not folder.exists() or list(folder.iterdir()) == []


def test_an_existing_archive_is_never_overwritten(files: Made) -> None:
    storage = ObjectStorage()
    storage.objects[NAME] = b"older"
    with pytest.raises(ArchiveError, match="already"):
        archive.write(storage, NAME, *files, progress=ignore)
    assert storage.objects == {NAME: b"older"}


def test_an_archive_that_the_storage_renames_is_rejected_and_deleted(files: Made) -> None:
    class Renaming(ObjectStorage):
        def _save(self, name: str, content: Any) -> str:
            return super()._save(f"other-{name}", content)

    storage = Renaming()
    with pytest.raises(ArchiveError, match="saved the archive as other-"):
        archive.write(storage, NAME, *files, progress=ignore)
    assert storage.objects == {}


def test_an_archive_that_the_storage_truncates_is_rejected_and_deleted(files: Made) -> None:
    class Losing(ObjectStorage):
        def _save(self, name: str, content: Any) -> str:
            saved = super()._save(name, content)
            self.objects[name] = self.objects[name][:-1]
            return saved

    storage = Losing()
    with pytest.raises(ArchiveError, match=r"has \d+ bytes of the archive instead of"):
        archive.write(storage, NAME, *files, progress=ignore)
    assert storage.objects == {}


def test_an_archive_is_deleted_if_the_storage_mistakes_an_error_for_the_end(files: Made) -> None:
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
        archive.write(storage, NAME, *files, progress=cancel)
    assert read_on == []
    assert storage.objects == {}


@pytest.mark.parametrize("size", [-1, 1])
def test_no_archive_is_written_if_a_member_has_the_wrong_size(files: Made, tmp_path: Path, size: int) -> None:
    manifest, members, contents = files
    members[1] = replace(members[1], size=members[1].size + size)
    with pytest.raises(ArchiveError, match=r"data/secantus_users\.wt does not have the size"):
        archive.write(FolderStorage(tmp_path / "backups"), NAME, manifest, members, contents, progress=ignore)
    assert list((tmp_path / "backups").iterdir()) == []


def test_no_archive_is_written_if_a_file_ends_early(files: Made, tmp_path: Path) -> None:
    os.truncate(tmp_path / "staging" / "secantus_users.wt", 3)
    with pytest.raises(EngineError, match=r"secantus_users\.wt of the database server ended"):
        archive.write(FolderStorage(tmp_path / "backups"), NAME, *files, progress=ignore)
    assert list((tmp_path / "backups").iterdir()) == []


def test_an_archive_excludes_data_written_after_the_cut(files: Made, tmp_path: Path) -> None:
    with (tmp_path / "staging" / "secantus_users.wt").open("ab") as file:
        file.write(b"later")
    storage = InMemoryStorage()
    archive.write(storage, NAME, *files, progress=ignore)
    with tar_of(content(storage)) as tar:
        assert tar.getmember("data/secantus_users.wt").size == files[1][1].size


def test_no_archive_is_written_if_its_contents_exceed_the_limit(files: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LIMIT", 100)
    with pytest.raises(ArchiveError, match="more files or collections than an archive can list"):
        archive.write(InMemoryStorage(), NAME, *files, progress=ignore)


def test_a_storage_error_is_reported_in_one_sentence(files: Made, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveError, match=r"^The archive could not be written: Not a directory \(.*\)\.$"):
        archive.write(FolderStorage(tmp_path / "file" / "backups"), NAME, *files, progress=ignore)


def test_only_the_first_of_several_writers_has_workers_but_all_write_the_same(
    files: Made,
) -> None:
    alone, crowded = InMemoryStorage(), InMemoryStorage()
    archive.write(alone, NAME, *files, progress=ignore)
    with writer._writers.one_more() as first, writer._writers.one_more() as second:
        assert first > 0 and second == 0
        archive.write(crowded, NAME, *files, progress=ignore)
    with writer._writers.one_more() as again:
        assert again == first
    with tar_of(content(alone)) as one, tar_of(content(crowded)) as other:
        assert one.getnames() == other.getnames()
        for name in one.getnames():
            assert one.extractfile(name).read() == other.extractfile(name).read()  # type: ignore[union-attr]
