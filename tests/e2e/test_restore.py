"""Restoring with the real agent, servers and archives, from the dialogs in a real browser."""

import re
import secrets
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pymongo.collection import Collection
from pymongo.errors import ConnectionFailure
from pymongo.monitoring import ConnectionPoolListener

from console.testing.pages import BackupManagement, BackupsAndRestorations
from tests.e2e.bulk import fill
from tests.e2e.console import Console, connect
from tests.e2e.contents import contents, generations, put
from tests.e2e.restorations import make_backed_up, of, restoration, restore_to_original, safety_backup
from tests.waiting import wait_for


class Connections(ConnectionPoolListener):
    """Counts the connections that a driver opens for commands."""

    def __init__(self) -> None:
        self.made = 0

    def connection_created(self, event: Any) -> None:
        self.made += 1

    def _ignore(self, event: Any) -> None:
        pass

    pool_created = pool_ready = pool_cleared = pool_closed = connection_ready = connection_closed = _ignore
    connection_check_out_started = connection_check_out_failed = _ignore
    connection_checked_out = connection_checked_in = _ignore


@pytest.mark.parametrize("of_all", [True, False], ids=["of all", "of one instance"])
def test_a_backup_is_restored_to_a_new_instance_with_the_same_documents_and_indexes(
    signed_in_page: Page, console: Console, of_all: bool
) -> None:
    page, name = signed_in_page, f"to-new-{'from-all' if of_all else 'from-one'}"
    instance = console.create_instance(name, "Sharding")
    put(instance["port"], "old")
    fill(instance["port"], megabytes=1)
    expected = contents(instance["port"])
    console.create_backup(instance["id"], f"{name}-backup")
    backup = console.wait_backup(f"{name}-backup")
    console.wait_available(name)
    put(instance["port"], "new")

    backups = BackupManagement(page) if of_all else BackupsAndRestorations(page, instance["id"])
    dialog = backups.open().row(backup["name"]).restore()
    dialog.expect_text("Cluster", "SecantusDB 0.7.0b3", "WiredTiger", f"{name} is not changed")
    expect(dialog.field("DB Instance Name")).to_have_value(re.compile(rf"{name}-restored-[0-9a-f]{{4}}"))
    dialog.to_new(f"{name}-copy")

    copy = console.wait_available(f"{name}-copy")
    assert copy["port"] != instance["port"] and copy["type"] == "Sharding"
    assert contents(copy["port"]) == expected
    assert generations(instance["port"]) == of("new")
    console.wait_available(name)
    BackupsAndRestorations(page, copy["id"]).open().restoration(backup["id"]).expect_status("Complete")


def test_the_backup_of_a_deleted_instance_is_restored_to_a_new_one(signed_in_page: Page, console: Console) -> None:
    instance, backup = make_backed_up(console, "long-deleted")
    console.post(f"/instances/{instance['id']}/delete/", {"confirm": instance["name"]})
    wait_for(lambda: not console.instance("long-deleted"), because="the deletion")

    dialog = BackupManagement(signed_in_page).open().row(backup["name"]).restore()
    other_way = dialog.root.get_by_role("button", name="Restore to Original")
    expect(other_way).to_have_attribute("aria-disabled", "true")
    dialog.to_new("back-again")
    assert generations(console.wait_available("back-again")["port"]) == of("old")


def test_restore_to_original_brings_the_backup_back_and_the_safety_backup_undoes_it(
    signed_in_page: Page, console: Console
) -> None:
    instance, backup = make_backed_up(console, "to-original")
    backups = BackupsAndRestorations(signed_in_page, instance["id"]).open()
    dialog = backups.row(backup["name"]).restore().change_to_original()
    dialog.expect_text(
        "to-original", "to-original-backup", "overwritten", "unavailable during the restoration", "just now"
    )
    expect(dialog.field("Back up current data first")).to_be_checked()
    typed = dialog.field("Type the name of the instance to confirm")
    typed.fill("to-origina")
    dialog.press().expect_text("Type exactly this name: to-original")
    expect(typed).to_have_value("to-origina")
    typed.fill("to-original")
    dialog.done()

    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    after = console.wait_available("to-original")
    assert after["port"] == instance["port"]
    assert generations(instance["port"]) == of("old")
    backups.restoration(backup["id"]).expect_status("Complete")
    safety = safety_backup(console, instance["id"])
    assert (safety["status"], safety["type"]) == ("COMPLETED", "Manual")
    backups.row(safety["name"]).expect_status("Complete")

    restore_to_original(console, safety, "to-original")
    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    console.wait_available("to-original")
    assert generations(instance["port"]) == of("new")
    home = console.home / "instances" / instance["id"]
    wait_for(lambda: [path.name for path in home.glob("data*")] == ["data"], because="the old files to go")


def flip(archive: bytes) -> bytes:
    middle = len(archive) // 2
    return archive[:middle] + bytes([archive[middle] ^ 1]) + archive[middle + 1 :]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip, "SHA-256 differs"),
        (lambda archive: archive[:-100], "SHA-256 differs"),
        (None, "is missing"),
    ],
    ids=["flipped bit", "truncated", "missing"],
)
def test_restoring_a_damaged_archive_fails_with_the_reason_and_changes_nothing(
    console: Console, damage: Any, said: str
) -> None:
    name = f"damaged-{secrets.token_hex(2)}"
    instance, backup = make_backed_up(console, name)
    archive = console.archive(backup)
    if damage:
        archive.write_bytes(damage(archive.read_bytes()))
    else:
        archive.unlink()
    server = next(pid for pid, line in console.pids().items() if instance["id"] in line)

    restore_to_original(console, backup, name, safety=True)
    record = restoration(console, instance["id"])
    assert record["status"] == "FAILED" and said in record["failure"]
    console.wait_available(name)
    assert generations(instance["port"]) == of("new")
    assert server in console.pids(), "the server was not even stopped"

    console.post(f"/backups/{backup['id']}/restore/", {"name": f"{name}-new", "request_key": secrets.token_hex(16)})
    wait_for(lambda: console.instance(f"{name}-new").get("state") == "createfail", because="Creation failed")
    assert said in console.instance(f"{name}-new")["failure"]

    console.post(f"/backups/{backup['id']}/verify/", {})
    wait_for(lambda: console.backup(f"{name}-backup")["verify_failure"], because="the verification's end")
    row = console.backup(f"{name}-backup")
    assert said in row["verify_failure"] and row["verified_at"] is None and row["uses"] == 0


def test_a_verified_backup_shows_the_number_of_documents_and_collections(
    signed_in_page: Page, console: Console
) -> None:
    instance, backup = make_backed_up(console, "verified")
    console.post(f"/instances/{instance['id']}/delete/", {"confirm": instance["name"]})
    row = BackupManagement(signed_in_page).open().row(backup["name"])
    row.verify()
    row.expect_text("Verified")
    row.expect_text("600 documents in 2 collections")
    assert not list((console.home / "staging").iterdir())
    assert not [line for line in console.pids().values() if "staging" in line]


def test_the_safety_backup_has_every_acknowledged_write(console: Console) -> None:
    instance, backup = make_backed_up(console, "written-to")
    acknowledged, connections = [], Connections()
    with connect(instance["port"], retryWrites=False, event_listeners=[connections]) as client:
        late: Collection[dict[str, Any]] = client["shop"]["late"]
        restore_to_original(console, backup, "written-to", safety=True)
        with suppress(ConnectionFailure):
            for number in count():
                late.insert_one({"_id": number})
                # A blocked client reaches the restored server next, without an error in between.
                if connections.made > 1:
                    break
                acknowledged.append(number)
    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    safety = safety_backup(console, instance["id"])
    console.wait_available("written-to")
    restore_to_original(console, safety, "written-to")
    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    console.wait_available("written-to")
    with connect(instance["port"]) as client:
        kept = {one["_id"] for one in client["shop"]["late"].find({}, {"_id": 1})}
    assert acknowledged and kept >= set(acknowledged)
