"""manage.py restore-archive: the files it accepts, and those it rejects without leaving anything behind."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus, BackupType
from backups.imports import import_archive
from backups.models import Backup
from backups.storage.base import NotEnoughSpace
from backups.storage.folder import FolderStorage
from console.processes import locks
from console.text.refused import Refused
from instances.engines.base import Contents, Member
from tests.backups.real_archives import CUT_AT, MANIFEST, cut_of, foreign_archive, foreign_archive_of, forge, kept

pytestmark = pytest.mark.django_db
ROOM = Path(django_settings.CONSOLE_HOME) / "import"


def refused(path: Path, folder: Path, **options: Any) -> str:
    """Return the reason why the file is rejected; assert that nothing of it is left."""
    rows, files = Backup.objects.count(), sorted(folder.glob("*"))
    with pytest.raises(Refused) as refusal:
        import_archive(path=path, requested_by=None, **options)
    assert Backup.objects.count() == rows and sorted(folder.glob("*")) == files and not ROOM.exists()
    return str(refusal.value)


def test_an_archive_becomes_a_complete_manual_backup_of_the_instance_it_names(
    plain: Client, folder: Path, tmp_path: Path
) -> None:
    path = foreign_archive(tmp_path / "elsewhere", "shop", "stock")
    out = io.StringIO()
    call_command("restore-archive", str(path), stdout=out)
    assert "made-elsewhere" in out.getvalue() and "2 databases" in out.getvalue()

    backup = Backup.objects.get()
    assert (backup.id, backup.name, backup.type, backup.status) == (
        MANIFEST.backup_id,
        "made-elsewhere",
        BackupType.MANUAL,
        BackupStatus.COMPLETED,
    )
    assert (backup.instance, backup.instance_uid, backup.instance_name, backup.instance_type) == (
        None,
        MANIFEST.instance_id,
        "orders-prod",
        "ReplicaSet",
    )
    assert (backup.engine, backup.engine_version, backup.host_id) == ("SecantusDB", "0.7.0b3", "local")
    assert (backup.cut_at, backup.started, backup.ended) == (CUT_AT, CUT_AT, CUT_AT) and backup.imported
    assert [database.name for database in backup.databases] == ["shop", "stock"]
    assert (folder / backup.archive_name).read_bytes() == path.read_bytes()
    assert not ROOM.exists()
    answer = plain.get(reverse("backups:download", args=[backup.id]))
    assert answer.getvalue() == path.read_bytes()
    assert "orders-prod" in plain.get("/backups/").content.decode()


def test_an_existing_backup_is_rejected_unless_it_gets_a_new_id(folder: Path, tmp_path: Path) -> None:
    path = foreign_archive(tmp_path / "elsewhere", "shop")
    first = import_archive(path=path, requested_by=None)
    assert "already exists" in refused(path, folder)
    second = import_archive(path=path, new_id=True, requested_by=None)
    assert second.id != first.id and second.id.endswith("br02")
    assert (folder / second.archive_name).read_bytes() == (folder / first.archive_name).read_bytes()


def test_an_archive_in_the_storage_without_a_row_is_imported_in_place(folder: Path, tmp_path: Path) -> None:
    """The console's database was lost, but not the archives."""
    path = foreign_archive(tmp_path / "elsewhere", "shop")
    folder.mkdir()
    there = folder / path.name
    shutil.copy(path, there)
    inode = there.stat().st_ino
    backup = import_archive(path=there, requested_by=None)
    assert there.stat().st_ino == inode and backup.size == there.stat().st_size


def test_another_archive_of_the_same_name_is_kept(folder: Path, tmp_path: Path) -> None:
    path = foreign_archive(tmp_path / "elsewhere", "shop")
    folder.mkdir()
    (folder / path.name).write_bytes(b"somebody's")
    assert "cannot be this one" in refused(path, folder)
    assert (folder / path.name).read_bytes() == b"somebody's"


@pytest.mark.parametrize("damage", ["cut off", "a flipped bit", "no archive", "empty"])
def test_a_damaged_file_is_rejected(folder: Path, tmp_path: Path, damage: str) -> None:
    path = foreign_archive(tmp_path / "elsewhere", "shop")
    content = bytearray(path.read_bytes())
    match damage:
        case "cut off":
            del content[len(content) // 2 :]
        case "a flipped bit":
            content[len(content) // 2] ^= 1
        case "no archive":
            content[:] = b"PK\x03\x04 something else altogether"
        case "empty":
            content.clear()
    path.write_bytes(content)
    assert "archive" in refused(path, folder).lower()


def test_an_intact_archive_of_damaged_files_is_rejected(folder: Path, tmp_path: Path) -> None:
    """The digests match, but no server can read the files."""
    cut = cut_of("shop")

    def damaged(member: Member) -> Member:
        def read() -> Iterator[memoryview]:
            yield memoryview(b"\xff" * member.size)

        return replace(member, read=read) if "secantus_documents" in member.name else member

    members = [damaged(member) for member in cut.members]
    assert members != cut.members
    said = refused(foreign_archive_of(tmp_path / "elsewhere", replace(cut, members=members)), folder)
    assert "The temporary server could not check the backup" in said


def test_a_wrong_list_of_contents_is_rejected(folder: Path, tmp_path: Path) -> None:
    cut = replace(cut_of("shop"), contents=kept(Contents(())))
    said = refused(foreign_archive_of(tmp_path / "elsewhere", cut), folder)
    assert "documents in shop.orders: 1 instead of 0" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backup__id": "../../etc/passwd"}, "not made by a console like this one"),
        ({"instance__type": "Galaxy"}, "not made by a console like this one"),
        ({"engine__name": "other-engine"}, "other-engine"),
        ({"backup__name": "a<b>\x1b\u202ecd"}, "breaks a rule. backup.name: Use only letters"),
        ({"instance__name": "x" * 65}, "breaks a rule. instance.name: Use at most 64"),
        ({"engine__version": "1.0\x1b[31m\n"}, r"cannot be understood: '1.0\x1b[31m\n' is not the name or version"),
        ({"cut_at": "2199-01-01T00:00:00Z"}, "made on 2199-01-01 00:00:00+00:00, which is in the future"),
    ],
    ids=str,
)
def test_a_foreign_manifest_is_rejected(folder: Path, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = foreign_archive(tmp_path / "elsewhere", "shop")
    forge(path, **changes)
    assert said in refused(path, folder)


def test_a_missing_file_a_folder_and_insufficient_space_are_rejected(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no file" in refused(tmp_path / "nothing.tar.zst", folder)
    assert "There is no file" in refused(tmp_path, folder)
    path = foreign_archive(tmp_path / "elsewhere", "shop")

    def full(self: FolderStorage, size: int) -> None:
        raise NotEnoughSpace("Only 3 bytes are free.")

    monkeypatch.setattr(FolderStorage, "require_space", full)
    assert refused(path, folder) == "Nothing was imported. Only 3 bytes are free."


def test_leftovers_of_killed_imports_do_not_block_an_import(folder: Path, tmp_path: Path) -> None:
    path = foreign_archive(tmp_path / "elsewhere", "shop")
    (ROOM / "left").mkdir(parents=True)
    folder.mkdir()
    (folder / f".{path.name}.part").write_bytes(b"half")
    import_archive(path=path, requested_by=None)
    assert not ROOM.exists() and [file.name for file in folder.iterdir()] == [path.name]


def test_only_one_import_runs_at_a_time(folder: Path, tmp_path: Path) -> None:
    path = foreign_archive(tmp_path / "elsewhere", "shop")
    lock = locks.acquire(ROOM.with_suffix(".lock"))
    assert lock
    with lock:
        assert "being imported" in refused(path, folder)


def test_the_command_gives_the_reason_in_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        call_command("restore-archive", str(tmp_path / "nothing"))


def test_the_storage_is_the_folder(folder: Path) -> None:
    assert Path(storages["backups"].location) == folder  # type: ignore[attr-defined]
