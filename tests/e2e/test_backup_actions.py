"""What people do with the rows of the backup lists, in a real browser with real archives."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.bulk import fill
from tests.e2e.console import Console, connect
from tests.waiting import wait_for


@contextmanager
def writing(console: Console, instance: dict[str, Any]) -> Iterator[None]:
    """A client's long write, for whose end a backup waits: it is running, and cannot be done."""
    with connect(instance["port"]) as client:
        client["shop"]["orders"].insert_one({"item": "lamp"})
    path = console.home / "instances" / instance["id"] / "data" / "shop.db"
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield


def test_a_running_backup_is_cancelled_and_leaves_nothing(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("to-be-cancelled")
    page.goto(f"{console.url}/instances/{instance['id']}/backups/")
    with writing(console, instance):
        console.create_backup(instance["id"], "unwanted")
        page.get_by_role("link", name="Refresh", exact=True).click()
        row = page.get_by_role("row").filter(has_text="unwanted")
        wait_for(lambda: job_of(console, "unwanted")["status"] == "Running", because="the backup running")
        row.get_by_role("link", name="Cancel").click()
        dialog = page.get_by_role("dialog", name="Cancel Backup")
        expect(dialog).to_contain_text("unwanted")
        dialog.get_by_role("button", name="Yes").click()
        expect(row).to_contain_text("Failed")
        expect(row).to_contain_text("cancelled by admin")

    console.wait_available("to-be-cancelled")
    backup, job = console.backup("unwanted"), job_of(console, "unwanted")
    assert (job["status"], job["failure"]) == ("Failed", "cancelled by admin")
    staging = console.home / "staging"
    wait_for(lambda: not (staging / str(uuid.UUID(job["id"]))).exists(), because="no staging files")
    assert list((console.home / "backups").glob(f"*{backup['id']}*")) == []
    again = console.post(f"/backups/{backup['id']}/cancel/", {})
    assert again.status == 422 and "Only a running backup can be cancelled. This one is: Failed." in again.text
    console.create_backup(instance["id"], "wanted")
    console.wait_backup("wanted")


def job_of(console: Console, backup: str) -> dict[str, Any]:
    sql = "SELECT job.* FROM instances_job job JOIN backups_backup made ON made.job_id = job.id WHERE made.name = ?"
    return console.query(sql, backup)[0]


def test_ticks_survive_the_refresh_and_the_selected_ones_go_with_their_archives(
    signed_in: Page, console: Console
) -> None:
    page = signed_in
    instance = console.create_instance("with-a-selection")
    for name in ("first-to-go", "second-to-go", "to-be-kept"):
        console.create_backup(instance["id"], name)
        console.wait_backup(name)
        console.wait_available("with-a-selection")
    fill(instance["port"], megabytes=30)
    console.create_backup(instance["id"], "still-running")
    page.goto(f"{console.url}/instances/{instance['id']}/backups/")
    running = page.get_by_role("row").filter(has_text="still-running")
    expect(page.get_by_label("Select still-running")).to_be_disabled()
    page.get_by_label("Select all").check()
    page.get_by_label("Select to-be-kept").uncheck()
    expect(running).to_contain_text("Complete")
    for name in ("first-to-go", "second-to-go"):
        expect(page.get_by_label(f"Select {name}")).to_be_checked()
    for name in ("to-be-kept", "still-running"):
        expect(page.get_by_label(f"Select {name}")).not_to_be_checked()
    archives = [console.archive(console.backup(name)) for name in ("first-to-go", "second-to-go")]
    assert all(path.exists() for path in archives)

    page.get_by_role("form", name="Selected backups").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete Backups")
    expect(dialog).to_contain_text("2 backups")
    expect(dialog).not_to_contain_text("to-be-kept")
    dialog.get_by_role("button", name="Yes").click()
    expect(dialog).to_be_hidden()
    for name in ("first-to-go", "second-to-go"):
        expect(page.get_by_role("row").filter(has_text=name)).to_have_count(0)
    assert not any(path.exists() for path in archives)
    assert console.archive(console.backup("to-be-kept")).exists()


def test_the_menu_of_a_row_describes_locks_unlocks_and_deletes(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("with-a-menu", "Single")
    console.create_backup(instance["id"], "many-things")
    backup = console.wait_backup("many-things")
    page.goto(f"{console.url}/backups/")
    row = page.get_by_role("row").filter(has_text="many-things")
    dialog = page.get_by_role("dialog")

    def choose(item: str) -> None:
        row.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name=item, exact=True).click()

    choose("Edit Description")
    dialog.get_by_label("Description").fill("Kept for the audit")
    dialog.get_by_role("button", name="OK").click()
    expect(row).to_contain_text("Kept for the audit")
    choose("Lock")
    dialog.get_by_role("button", name="Lock").click()
    expect(row.get_by_title("Locked", exact=True)).to_be_visible()
    row.get_by_role("button", name="More").click()
    expect(page.get_by_role("menuitem", name="Delete")).to_contain_text("This backup is locked. Unlock it first.")
    page.keyboard.press("Escape")
    choose("Unlock")
    dialog.get_by_role("button", name="Unlock").click()
    expect(row.get_by_title("Locked", exact=True)).to_have_count(0)
    choose("Delete")
    expect(dialog).to_contain_text("cannot be brought back")
    dialog.get_by_role("button", name="Yes").click()
    expect(row).to_have_count(0)
    assert not console.archive(backup).exists()
