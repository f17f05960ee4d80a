"""Restoring with the real agent, servers and archives, from the dialogs in a real browser."""

import re
import secrets
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import ConnectionFailure

from tests.e2e.bulk import fill
from tests.e2e.console import Console, connect
from tests.e2e.contents import contents, generations, put
from tests.e2e.restorations import make_backed_up, of, restoration, restore_to_original
from tests.waiting import wait_for


@pytest.mark.parametrize("page_of", ["/backups/", "/instances/{id}/backups/"], ids=["of all", "of one instance"])
def test_a_backup_becomes_a_new_instance_with_the_same_documents_and_indexes(
    signed_in: Page, console: Console, page_of: str
) -> None:
    page, name = signed_in, f"to-new-{len(page_of)}"
    instance = console.create_instance(name, "Sharding")
    put(instance["port"], "old")
    fill(instance["port"], megabytes=1)
    expected = contents(instance["port"])
    console.create_backup(instance["id"], f"{name}-backup")
    backup = console.wait_backup(f"{name}-backup")
    console.wait_available(name)
    put(instance["port"], "new")

    page.goto(console.url + page_of.format(id=instance["id"]))
    page.locator(f"#backup-{backup['id']}").get_by_role("link", name="Restore").click()
    dialog = page.get_by_role("dialog", name="Restore Backup")
    for text in ("Cluster", "0.8.1", "SQLite", f"{name} is not changed"):
        expect(dialog).to_contain_text(text)
    field = dialog.get_by_label("DB Instance Name")
    expect(field).to_have_value(re.compile(rf"{name}-restored-[0-9a-f]{{4}}"))
    field.fill(f"{name}-copy")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()

    copy = console.wait_available(f"{name}-copy")
    assert copy["port"] != instance["port"] and copy["type"] == "Sharding"
    assert contents(copy["port"]) == expected
    assert generations(instance["port"]) == of("new")
    console.wait_available(name)
    page.goto(f"{console.url}/instances/{copy['id']}/backups/")
    row = page.get_by_role("table", name="Restorations").get_by_role("row").filter(has_text=backup["id"])
    expect(row).to_contain_text("Complete")


def test_the_backup_of_a_deleted_instance_becomes_a_new_one(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance, backup = make_backed_up(console, "long-deleted")
    console.post(f"/instances/{instance['id']}/delete/", {})
    wait_for(lambda: not console.instance("long-deleted"), because="the deletion")

    page.goto(f"{console.url}/backups/")
    page.locator(f"#backup-{backup['id']}").get_by_role("link", name="Restore").click()
    dialog = page.get_by_role("dialog", name="Restore Backup")
    expect(dialog.get_by_role("button", name="Restore to Original")).to_have_attribute("aria-disabled", "true")
    dialog.get_by_label("DB Instance Name").fill("back-again")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()
    assert generations(console.wait_available("back-again")["port"]) == of("old")


def test_an_instance_goes_back_to_its_backup_and_the_safety_backup_has_what_it_was(
    signed_in: Page, console: Console
) -> None:
    page = signed_in
    instance, backup = make_backed_up(console, "to-original")
    page.goto(f"{console.url}/instances/{instance['id']}/backups/")
    page.locator(f"#backup-{backup['id']}").get_by_role("link", name="Restore").click()
    dialog = page.get_by_role("dialog", name="Restore Backup")
    dialog.get_by_role("link", name="Restore to Original").click()
    for text in ("to-original", "to-original-backup", "overwritten", "unavailable meanwhile", "just now"):
        expect(dialog).to_contain_text(text)
    expect(dialog.get_by_label("Back up the present data first")).to_be_checked()
    typed = dialog.get_by_label("Type the name of the instance")
    typed.fill("to-origina")
    dialog.get_by_role("button", name="Restore").click()
    expect(dialog).to_contain_text("Type exactly this name: to-original")
    expect(typed).to_have_value("to-origina")
    typed.fill("to-original")
    dialog.get_by_role("button", name="Restore").click()
    expect(dialog).to_be_hidden()

    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    after = console.wait_available("to-original")
    assert after["port"] == instance["port"]
    assert generations(instance["port"]) == of("old")
    row = page.get_by_role("table", name="Restorations").get_by_role("row").filter(has_text=backup["id"])
    expect(row).to_contain_text("Complete")
    [safety] = console.query(
        "SELECT * FROM backups_backup WHERE name LIKE 'before-restore-%' AND instance_uid = ?", instance["id"]
    )
    assert (safety["status"], safety["type"]) == ("COMPLETED", "Manual")
    expect(page.locator(f"#backup-{safety['id']}")).to_contain_text("Complete")

    restore_to_original(console, safety, "to-original")
    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    console.wait_available("to-original")
    assert generations(instance["port"]) == of("new")
    assert sorted(path.name for path in (console.home / "instances" / instance["id"]).glob("data*")) == ["data"]


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
def test_a_damaged_archive_changes_nothing_and_says_so(console: Console, damage: Any, said: str) -> None:
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


def test_verify_marks_the_backup_with_time_and_counts(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance, backup = make_backed_up(console, "verified")
    console.post(f"/instances/{instance['id']}/delete/", {})
    page.goto(f"{console.url}/backups/")
    row = page.locator(f"#backup-{backup['id']}")
    row.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Verify").click()
    dialog = page.get_by_role("dialog", name="Verify Backup")
    dialog.get_by_role("button", name="Verify").click()
    expect(dialog).to_be_hidden()
    expect(row).to_contain_text("Verified")
    expect(row).to_contain_text("600 documents in 2 collections")
    assert not list((console.home / "staging").iterdir())
    assert not [line for line in console.pids().values() if "staging" in line]


def test_writes_until_the_last_moment_are_in_the_safety_backup(console: Console) -> None:
    instance, backup = make_backed_up(console, "written-to")
    acknowledged = []
    client: MongoClient[dict[str, Any]]
    with MongoClient("127.0.0.1", instance["port"], retryWrites=False, directConnection=True) as client:
        late: Collection[dict[str, Any]] = client["shop"]["late"]
        restore_to_original(console, backup, "written-to", safety=True)
        with pytest.raises(ConnectionFailure):
            for number in count():
                document: dict[str, Any] = {"_id": number}
                late.insert_one(document)
                acknowledged.append(number)
    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    [safety] = console.query(
        "SELECT * FROM backups_backup WHERE name LIKE 'before-restore-%' AND instance_uid = ?", instance["id"]
    )
    console.wait_available("written-to")
    restore_to_original(console, safety, "written-to")
    assert restoration(console, instance["id"])["status"] == "COMPLETED"
    console.wait_available("written-to")
    with connect(instance["port"]) as client:
        kept = {one["_id"] for one in client["shop"]["late"].find({}, {"_id": 1})}
    assert acknowledged and kept >= set(acknowledged)
