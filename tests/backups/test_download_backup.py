"""Download: the complete archive or a range of it, its digest, and the errors when there is none."""

import hashlib
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from backups.choices import BackupStatus
from backups.downloads import Part, asked_range
from backups.models import Backup
from backups.services.delete import delete_backup
from backups.storage.base import StorageFailed
from backups.storage.folder import FolderStorage
from console.accounts.roles import Role
from console.audit.models import AuditEvent
from tests.answers import hang_up
from tests.backups.real_archives import complete_backup
from tests.factories import make_backup, make_host, make_instance, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def backup(folder: Path) -> Backup:
    return complete_backup(storages["backups"], name="Nightly-1")


def download(backup: Backup) -> str:
    return reverse("backups:download", args=[backup.id])


def test_the_archive_is_downloaded_under_a_descriptive_name(plain: Client, backup: Backup, folder: Path) -> None:
    answer = plain.get(download(backup))
    content = answer.getvalue()
    assert answer.status_code == 200
    assert content == (folder / backup.archive_name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == backup.sha256
    assert answer.headers["Content-Length"] == str(backup.size)
    assert answer.headers["Content-Type"] == "application/zstd"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="Nightly-1-{backup.id}.tar.zst"'
    assert (answer.headers["Accept-Ranges"], answer.headers["ETag"]) == ("bytes", f'"{backup.sha256}"')


def test_downloads_are_not_compressed_again_but_pages_are(plain: Client, backup: Backup) -> None:
    accepts = {"Accept-Encoding": "gzip, br"}
    answer = plain.get(download(backup), headers=accepts)
    assert "Content-Encoding" not in answer.headers and answer.headers["Content-Length"] == str(backup.size)
    assert len(answer.getvalue()) == backup.size
    page = plain.get("/backups/", headers=accepts)
    assert page.headers["Content-Encoding"] == "gzip"
    assert b"Nightly-1" in zlib.decompress(page.content, 31)


def test_head_returns_the_same_headers_without_content(plain: Client, backup: Backup) -> None:
    answer = plain.head(download(backup), headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(backup.size)
    assert not Part._open


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-0", 0, 0), ("10-19", 10, 19), ("100-", 100, None), ("-7", -7, None), ("5-999999999999", 5, None)],
)
def test_a_single_range_returns_206(
    plain: Client, backup: Backup, folder: Path, asked: str, first: int, last: int
) -> None:
    whole = (folder / backup.archive_name).read_bytes()
    answer = plain.get(download(backup), headers={"Range": f"bytes={asked}"})
    wanted = whole[first:] if last is None else whole[first : last + 1]
    assert (answer.status_code, answer.getvalue()) == (206, wanted)
    start = first % len(whole)
    assert answer.headers["Content-Range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(whole)}"
    assert answer.headers["Content-Length"] == str(len(wanted))


@pytest.mark.parametrize("asked", ["99999999999-", "-0", "99999999999-999999999999"])
def test_a_range_outside_the_archive_returns_416(plain: Client, backup: Backup, asked: str) -> None:
    answer = plain.get(download(backup), headers={"Range": f"bytes={asked}"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{backup.size}"


@pytest.mark.parametrize(
    "header", ["bytes=0-1,4-5", "bytes=9-3", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=" + "9" * 5000 + "-", "\u0661"]
)
def test_an_invalid_range_is_ignored(plain: Client, backup: Backup, header: str) -> None:
    answer = plain.get(download(backup), headers={"Range": header})
    assert answer.status_code == 200 and len(answer.getvalue()) == backup.size


def test_a_download_resumes_only_if_the_archive_is_the_same(plain: Client, backup: Backup) -> None:
    for if_range, status in ((f'"{backup.sha256}"', 206), ('"other"', 200), (f'W/"{backup.sha256}"', 200)):
        answer = plain.get(download(backup), headers={"Range": "bytes=4-", "If-Range": if_range})
        assert answer.status_code == status, if_range
        hang_up(answer)
    assert plain.get(download(backup), headers={"If-None-Match": f'"{backup.sha256}"'}).status_code == 304
    assert plain.get(download(backup), headers={"If-Match": '"other"'}).status_code == 412


@given(header=st.one_of(st.text(), st.from_regex(r"bytes=[0-9]{0,20}-[0-9]{0,20}", fullmatch=True)))
def test_any_header_yields_a_range_within_the_file_or_none(header: str) -> None:
    part = asked_range(header, 1000)
    assert part is None or not part or (0 <= part.start < part.stop <= 1000 and part.step == 1)


@pytest.mark.parametrize("status", [BackupStatus.BUILDING, BackupStatus.FAILED, BackupStatus.DELETING])
@pytest.mark.parametrize("name", ["download", "sha256"])
def test_only_a_complete_backup_can_be_downloaded(plain: Client, status: BackupStatus, name: str) -> None:
    answer = plain.get(reverse(f"backups:{name}", args=[make_backup(status=status).id]))
    assert answer.status_code == 409
    assert "Only a finished backup can be downloaded" in answer.content.decode()


def test_a_missing_or_truncated_archive_is_explained(plain: Client, backup: Backup, folder: Path) -> None:
    path = folder / backup.archive_name
    path.write_bytes(path.read_bytes()[:-1])
    answer = plain.get(download(backup))
    assert answer.status_code == 410 and "is damaged" in answer.content.decode()
    backup.refresh_from_db()
    assert "is damaged" in backup.damage
    path.unlink()
    answer = plain.get(download(backup))
    assert answer.status_code == 410 and "is not in the storage" in answer.content.decode()
    backup.refresh_from_db()
    assert "is not in the storage" in backup.damage and backup.status == BackupStatus.COMPLETED


@pytest.mark.parametrize("first", [0, 100])
def test_an_archive_that_ends_during_its_download_is_damaged(
    plain: Client, backup: Backup, folder: Path, first: int
) -> None:
    answer = plain.get(download(backup), headers={"Range": f"bytes={first}-"})
    os.truncate(folder / backup.archive_name, 50)
    assert len(answer.getvalue()) == max(0, 50 - first)
    backup.refresh_from_db()
    assert backup.damage == "The archive ends too early." and not Part._open


def test_a_download_that_the_client_ends_is_no_damage(plain: Client, backup: Backup) -> None:
    hang_up(plain.get(download(backup)))
    plain.get(download(backup), headers={"Range": "bytes=0-9"}).getvalue()
    assert not Backup.objects.damaged().exists()


def test_an_archive_in_another_hosts_folder_is_not_known_to_be_missing(plain: Client, folder: Path) -> None:
    backup = make_backup(make_instance(host=make_host("elsewhere")))
    assert plain.get(download(backup)).status_code == 410
    assert not Backup.objects.get().damage


def test_a_damaged_backup_is_shown_in_lists_counted_on_overview_and_warned_about(plain: Client) -> None:
    make_backup(name="whole")
    backup = make_backup(name="broken", damage="The archive is missing.")
    for url in (reverse("backups:list"), reverse("backups:instance", args=[backup.instance_uid])):
        html = plain.get(url).content.decode()
        assert html.count("Missing or damaged") == html.count("The archive is missing.") == 1
    overview = plain.get(reverse("home")).content.decode()
    assert "1 Complete backup is missing or damaged." in overview and 'href="/backups/?status=damaged"' in overview
    shown = plain.get("/backups/?status=damaged").context["backups"]
    assert [each.name for each in shown] == ["broken"]
    for way in ("restore", "restore-to-original"):
        html = plain.get(reverse(f"backups:{way}", args=[backup.id])).content.decode()
        assert "The archive of this backup is missing or damaged." in html and "data-submit" in html, way
    assert "Missing or damaged" in plain.get(backup.get_absolute_url()).content.decode()


def test_a_backup_that_is_being_deleted_does_not_count_as_damaged(plain: Client, user: User) -> None:
    backup = make_backup(damage="The archive is missing.")
    delete_backup(backup=backup, requested_by=user)
    assert not Backup.objects.damaged().exists()
    assert list(plain.get("/backups/?status=damaged").context["backups"]) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is SQLite's")
def test_counting_damaged_backups_reads_only_these() -> None:
    """Overview counts them: the index on the status would make it read all Complete backups."""
    assert "backup_newest_damaged" in Backup.objects.damaged().order_by().explain()


def test_a_download_redirects_to_the_storages_link_and_is_audited(
    plain: Client, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = "https://objects.example.org/{}?as={}&signature=1"
    monkeypatch.setattr(FolderStorage, "link", lambda self, name, saved_as: link.format(name, saved_as))
    plain.head(download(backup))
    assert not AuditEvent.objects.filter(trace="ddsDownloadBackup")
    answer = plain.get(download(backup))
    assert answer.status_code == 302
    assert answer.headers["Location"] == link.format(backup.archive_name, f"Nightly-1-{backup.id}.tar.zst")
    assert answer.headers["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(trace="ddsDownloadBackup").count() == 1


def test_a_user_without_the_permission_gets_no_link(
    client: Client, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FolderStorage, "link", lambda self, name, saved_as: pytest.fail("a link was made"))
    client.force_login(make_user(Role.READ_ONLY))
    assert client.get(download(backup)).status_code == 403


def test_an_unresponsive_storage_is_explained(plain: Client, backup: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: FolderStorage, name: str) -> int:
        raise StorageFailed("the S3 storage is not responding; check CONSOLE_S3_ENDPOINT_URL")

    monkeypatch.setattr(FolderStorage, "size", fail)
    answer = plain.get(download(backup))
    text = answer.content.decode()
    assert answer.status_code == 503
    assert "The archive could not be read: the S3 storage is not responding; check CONSOLE_S3_ENDPOINT_URL." in text
    assert "Wait until one of them has ended" not in text


def test_simultaneous_downloads_are_limited_and_a_disconnect_makes_room(
    plain: Client, backup: Backup, settings: Any
) -> None:
    settings.CONSOLE_WEB_THREADS = 2
    running = [plain.get(download(backup)) for _ in range(2)]
    refused = plain.get(download(backup))
    assert refused.status_code == 503 and "2 downloads are running" in refused.content.decode()
    assert refused.headers["Retry-After"]
    hang_up(running[0])
    assert plain.get(download(backup)).getvalue()
    hang_up(running[1])
    assert not Part._open


def test_the_digest_has_the_format_of_sha256sum(plain: Client, backup: Backup) -> None:
    answer = plain.get(reverse("backups:sha256", args=[backup.id]))
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.content.decode() == f"{backup.sha256}  Nightly-1-{backup.id}.tar.zst\n"


@pytest.mark.parametrize("name", ["download", "sha256"])
def test_unknown_wrong_method_and_signed_out(plain: Client, client: Client, backup: Backup, name: str) -> None:
    assert plain.get(reverse(f"backups:{name}", args=["nothing"])).status_code == 404
    assert plain.post(reverse(f"backups:{name}", args=[backup.id])).status_code == 405
    assert client.get(reverse(f"backups:{name}", args=[backup.id])).status_code == 302


def test_both_lists_offer_the_download_or_say_why_not(plain: Client) -> None:
    backup = make_backup()
    failed = make_backup(backup.instance, status=BackupStatus.FAILED)
    for url in ("/backups/", reverse("backups:instance", args=[backup.instance_uid])):
        html = plain.get(url).content.decode()
        assert f'href="{download(backup)}"' in html
        assert download(failed) not in html and "Only a finished backup can be downloaded" in html


def test_a_download_is_audited_once_however_many_ranges_it_takes(plain: Client, backup: Backup) -> None:
    for part in ("bytes=0-9", "bytes=10-19", "bytes=20-"):
        plain.get(download(backup), headers={"Range": part}).getvalue()
    [event] = AuditEvent.objects.filter(trace="ddsDownloadBackup")
    assert (event.resource_type, event.resource_id) == ("backup", backup.id)
