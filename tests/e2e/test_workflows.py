"""The three Create Backup workflows in a real browser, with a client writing before, during and after."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import archives
from tests.e2e.bulk import fill
from tests.e2e.console import Console, connect
from tests.e2e.writer import Writer
from tests.waiting import wait_for


def open_from_the_row(page: Page, console: Console, instance: dict[str, str]) -> None:
    page.goto(f"{console.url}/instances/")
    row = page.get_by_role("row").filter(has_text=instance["id"])
    row.get_by_role("link", name="Create Backup").first.click()


def open_from_the_rows_menu(page: Page, console: Console, instance: dict[str, str]) -> None:
    page.goto(f"{console.url}/instances/")
    row = page.get_by_role("row").filter(has_text=instance["id"])
    row.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Create Backup").click()


def open_from_backup_management(page: Page, console: Console, instance: dict[str, str]) -> None:
    page.get_by_role("link", name="Backup Management").click()
    page.get_by_role("link", name="Create Backup").first.click()
    page.get_by_label("DB Instance Type").select_option(label="Single node")
    page.get_by_label("DB Instance Name").select_option(instance["id"])


def open_from_backups_and_restorations(page: Page, console: Console, instance: dict[str, str]) -> None:
    page.goto(f"{console.url}/instances/")
    page.get_by_role("link", name=instance["name"], exact=True).click()
    expect(page.get_by_role("heading", name="Basic Information")).to_be_visible()
    page.get_by_role("link", name="Backups & Restorations").first.click()
    page.get_by_role("link", name="Create Backup").first.click()


WORKFLOWS = [
    open_from_the_row,
    open_from_the_rows_menu,
    open_from_backup_management,
    open_from_backups_and_restorations,
]


@pytest.mark.parametrize("open_dialog", WORKFLOWS, ids=lambda function: function.__name__)
def test_a_backup_goes_from_backing_up_to_complete(
    signed_in: Page, console: Console, tmp_path: Path, open_dialog: Callable[[Page, Console, dict[str, str]], None]
) -> None:
    page = signed_in
    name = open_dialog.__name__.replace("_", "-")
    instance = console.create_instance(f"i-{name}", "Single")
    with Writer(instance["port"]) as writer:
        wait_for(lambda: writer.acknowledged >= 50)
        open_dialog(page, console, instance)
        dialog = page.get_by_role("dialog", name="Create Backup")
        expect(dialog.get_by_label("Backup Name")).to_have_value(re.compile(r"backup-[0-9a-f]{4}"))
        dialog.get_by_label("Backup Name").fill(name)
        dialog.get_by_label("Description").fill("Made by a test")
        before = writer.acknowledged
        dialog.get_by_role("button", name="OK").click()
        expect(dialog).to_be_hidden()

        backup = console.wait_backup(name)
        after = wait_for(lambda: writer.acknowledged if writer.acknowledged > before + 20 else 0)
        for path in ("/backups/", f"/instances/{instance['id']}/backups/"):
            page.goto(console.url + path)
            row = page.get_by_role("row").filter(has_text=backup["id"])
            for text in ("Complete", "Manual", "Physical", "Made by a test", instance["name"]):
                if path == "/backups/" or text != instance["name"]:
                    expect(row).to_contain_text(text)
    assert writer.error is None

    assert backup["size"] == console.archive(backup).stat().st_size
    manifest = archives.unpack(console.archive(backup), tmp_path)
    assert {database["name"] for database in manifest["databases"]} >= {"first", "second"}
    first = archives.ids(tmp_path / "databases" / "first.db", "numbers")
    second = archives.ids(tmp_path / "databases" / "second.db", "numbers")
    assert first == set(range(len(first))) and second == set(range(len(second)))
    assert len(second) <= len(first) <= len(second) + 1
    assert before <= len(first) <= after + 1

    with connect(instance["port"]) as client:
        assert client["second"]["numbers"].count_documents({}) == writer.acknowledged
    assert console.instance(instance["name"])["action"] == ""


def test_the_pages_are_live(signed_in: Page, console: Console) -> None:
    """The new row is there at once, and Complete comes without a reload, on every page that shows it."""
    page = signed_in
    instance = console.create_instance("live-pages")
    fill(instance["port"], megabytes=40)
    others = {}
    for path in ("/backups/", f"/instances/{instance['id']}/backups/", "/instances/"):
        others[path] = page.context.new_page()
        others[path].goto(console.url + path)
        others[path].evaluate("window.notReloaded = true")
    main = others["/backups/"]
    main.get_by_role("link", name="Create Backup").first.click()
    dialog = main.get_by_role("dialog")
    dialog.get_by_label("DB Instance Type").select_option("ReplicaSet")
    dialog.get_by_label("DB Instance Name").select_option(instance["id"])
    dialog.get_by_label("Backup Name").fill("live-backup")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()
    row = main.get_by_role("row").filter(has_text="live-backup")
    expect(row).to_contain_text("Backing up")
    expect(row.get_by_role("progressbar")).to_be_visible()
    console.wait_backup("live-backup")
    ended = time.monotonic()
    expect(row).to_contain_text("Complete")
    assert time.monotonic() - ended < 3
    assert main.evaluate("window.notReloaded")
