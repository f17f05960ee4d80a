"""A console that keeps its archives in S3, with a real S3 server, process tree and browser."""

import hashlib
import os
import re
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from console.testing.pages import BackupManagement, BackupsAndRestorations, InstanceManagement, SignIn
from tests.backups.real_archives import foreign_archive
from tests.e2e.bulk import fill
from tests.e2e.console import PASSWORD, Console, connect
from tests.e2e.contents import generations, put
from tests.e2e.restorations import of, restoration, safety_backup
from tests.s3 import Bucket, moto_process, moto_server
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with moto_process() as url:
        yield Bucket(url, "archives")


@pytest.fixture(scope="module")
def console(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("s3") / "home", **bucket.environment) as running:
        yield running


@pytest.fixture
def signed_in(console: Console, page: Page) -> Page:
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    return page


def key(backup: dict[str, str]) -> str:
    return f"console/{backup['id']}.tar.zst"


def test_a_backup_is_created_verified_downloaded_restored_and_deleted(
    signed_in: Page, console: Console, bucket: Bucket, tmp_path: Path
) -> None:
    page = signed_in
    instance = console.create_instance("in-s3")
    put(instance["port"], "old")
    InstanceManagement(page).open().row("in-s3").create_backup().submit(name="kept-in-s3")
    row = BackupManagement(page).open().row("kept-in-s3")
    row.expect_status("Complete")
    backup = console.wait_backup("kept-in-s3")
    assert hashlib.sha256(bucket.content(key(backup))).hexdigest() == backup["sha256"]
    assert bucket.uploads() == [] and not (console.home / "backups").exists()

    row.verify()
    row.expect_text("Verified")

    with page.expect_download() as saving:
        row.choose("Download")
    saved = tmp_path / saving.value.suggested_filename
    saving.value.save_as(saved)
    assert saving.value.url.startswith(f"{bucket.url}/{bucket.name}/{key(backup)}?")
    assert saved.name == f"kept-in-s3-{backup['id']}.tar.zst"
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == backup["sha256"]
    assert backup["sha256"] in console.get(f"/backups/{backup['id']}/sha256").text
    BackupManagement(page).shown()

    put(instance["port"], "new")
    row.restore().to_new("copy-from-s3")
    assert generations(console.wait_available("copy-from-s3")["port"]) == of("old")
    console.wait_available("in-s3")
    BackupManagement(page).open().row("kept-in-s3").restore().to_original("in-s3")
    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    assert generations(console.wait_available("in-s3")["port"]) == of("old")
    safety = safety_backup(console, instance["id"])
    assert {key(backup), key(safety)} <= set(bucket.objects())

    row = BackupManagement(page).open().row("kept-in-s3")
    row.delete()
    row.expect_gone()
    assert key(backup) not in bucket.objects() and key(safety) in bucket.objects()


def test_deleting_an_instance_deletes_its_automated_backups_from_the_bucket(
    signed_in: Page, console: Console, bucket: Bucket
) -> None:
    instance = console.create_instance("to-be-deleted")
    console.create_backup(instance["id"], "manual-one")
    manual = console.wait_backup("manual-one")
    console.wait_available("to-be-deleted")
    backups = BackupsAndRestorations(signed_in, instance["id"]).open()
    for on in (False, True):
        backups.modify_policy().turn(on).done()
    automated = wait_for(
        lambda: console.automated(instance, status="COMPLETED"),
        seconds=60,
        because="an automated backup",
    )[0]
    assert {key(manual), key(automated)} <= set(bucket.objects())
    console.wait_available("to-be-deleted")
    InstanceManagement(signed_in).open().row("to-be-deleted").delete()
    wait_for(lambda: key(automated) not in bucket.objects(), because="the automated archive to go")
    assert key(manual) in bucket.objects()


def test_an_archive_from_elsewhere_is_imported_into_the_bucket(
    console: Console, bucket: Bucket, tmp_path: Path
) -> None:
    path = foreign_archive(tmp_path, "shop", backup_name="from-a-folder", backup_id="cd" * 16 + "br02")
    console.manage("restore-archive", str(path))
    backup = console.backup("from-a-folder")
    assert bucket.content(key(backup)) == path.read_bytes()


@pytest.fixture
def slow_console(bucket: Bucket, tmp_path: Path) -> Iterator[Console]:
    """A console whose backups are slow enough to be interrupted during the upload."""
    settings = {**bucket.environment, "CONSOLE_S3_PREFIX": f"slow-{secrets.token_hex(4)}"}
    with Console(tmp_path / "home", CONSOLE_BACKUP_BYTES_PER_SECOND="3000000", **settings) as running:
        yield running


def uploading(console: Console, bucket: Bucket, name: str) -> dict[str, str]:
    """Start a backup and return its row while its archive is uploading to the bucket."""
    instance = console.create_instance("interrupted")
    fill(instance["port"], megabytes=15)
    console.create_backup(instance["id"], name)
    wait_for(bucket.uploads, seconds=60, because="an upload")
    backup = console.backup(name)
    assert [backup["id"] in key for key in bucket.uploads()] == [True]
    return backup


def test_an_agent_killed_during_an_upload_leaves_nothing_in_the_bucket(slow_console: Console, bucket: Bucket) -> None:
    backup = uploading(slow_console, bucket, "cut-short")
    os.kill(slow_console.pid_of("manage.py agent"), signal.SIGKILL)
    assert slow_console.wait_backup("cut-short", "FAILED")["failure"] == "The agent stopped while this was running."
    wait_for(lambda: not bucket.uploads(), because="the upload to be aborted")
    assert not any(backup["id"] in found for found in bucket.objects())


def test_instances_come_back_with_their_agent_even_if_the_store_hangs(tmp_path: Path) -> None:
    with moto_server() as (url, store):
        bucket = Bucket(url, "archives")
        slow = {**bucket.environment, "CONSOLE_BACKUP_BYTES_PER_SECOND": "3000000"}
        with Console(tmp_path / "home", **slow) as console:
            backup = uploading(console, bucket, "cut-short")
            store.send_signal(signal.SIGSTOP)
            try:
                os.kill(console.pid_of("manage.py agent"), signal.SIGKILL)
                console.wait_backup("cut-short", "FAILED")
                with connect(console.instance("interrupted")["port"]) as client:
                    assert client["bulk"]["texts"].find_one()
            finally:
                store.send_signal(signal.SIGCONT)
            wait_for(lambda: not bucket.uploads(), seconds=120, because="the upload to be aborted")
            assert not any(backup["id"] in found for found in bucket.objects())


@pytest.mark.parametrize("how", ["cancel", "stop"])
def test_cancelling_or_stopping_a_backup_aborts_its_upload(slow_console: Console, bucket: Bucket, how: str) -> None:
    backup = uploading(slow_console, bucket, "given-up")
    if how == "cancel":
        slow_console.post(f"/backups/{backup['id']}/cancel/", {})
        slow_console.wait_backup("given-up", "CANCELLED", seconds=10)
    else:
        slow_console.stop()
        assert slow_console.backup("given-up")["status"] == "FAILED"
    wait_for(lambda: not bucket.uploads(), because="the upload to be aborted")
    assert not any(backup["id"] in found for found in bucket.objects())


def test_a_wrong_access_key_is_reported_at_the_start_and_by_the_backup(tmp_path: Path) -> None:
    # moto checks keys only after the first request, which creates the bucket.
    with moto_process(INITIAL_NO_AUTH_ACTION_COUNT="1") as url:
        settings = Bucket(url, "archives").environment
        with Console(tmp_path / "home", **settings) as console:
            reason = "the S3 storage does not accept the access key; check CONSOLE_S3_ACCESS_KEY_ID"
            wait_for(lambda: reason in console.get("/readyz").text, because="the reason")
            assert console.get("/readyz").status == 503
            wait_for(lambda: re.search(f"WARNING .*cannot be used: {reason}", "".join(console.output)), because="a log")
            instance = console.create_instance("without-a-key")
            console.create_backup(instance["id"], "not-written")
            assert "The archive could not be written" in console.wait_backup("not-written", "FAILED")["failure"]
