"""The three Create Backup workflows in a real browser, with a client writing before, during and after."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.testing.dialogs import CreateBackupDialog
from console.testing.pages import BackupManagement, BackupsAndRestorations, InstanceManagement
from tests.e2e import archives
from tests.e2e.console import Console, connect
from tests.e2e.writer import Writer
from tests.waiting import wait_for

Instance = dict[str, Any]


def open_from_the_row(page: Page, instance: Instance) -> CreateBackupDialog:
    return InstanceManagement(page).open().row(instance["name"]).create_backup()


def open_from_the_rows_menu(page: Page, instance: Instance) -> CreateBackupDialog:
    return InstanceManagement(page).open().row(instance["name"]).create_backup_from_menu()


def open_from_backup_management(page: Page, instance: Instance) -> CreateBackupDialog:
    dialog = BackupManagement(page).open().create_backup()
    return dialog.choose(type="Single node", instance=instance["name"])


def open_from_backups_and_restorations(page: Page, instance: Instance) -> CreateBackupDialog:
    own = InstanceManagement(page).open().row(instance["name"]).open(instance["name"])
    return own.backups_and_restorations().create_backup()


WORKFLOWS = [
    open_from_the_row,
    open_from_the_rows_menu,
    open_from_backup_management,
    open_from_backups_and_restorations,
]


@pytest.mark.parametrize("open_dialog", WORKFLOWS, ids=lambda function: function.__name__)
def test_a_backup_goes_from_backing_up_to_complete(
    signed_in_page: Page, console: Console, tmp_path: Path, open_dialog: Callable[[Page, Instance], CreateBackupDialog]
) -> None:
    page = signed_in_page
    name = open_dialog.__name__.replace("_", "-")
    instance = console.create_instance(f"i-{name}", "Single")
    with Writer(instance["port"]) as writer:
        wait_for(lambda: writer.acknowledged >= 50)
        dialog = open_dialog(page, instance)
        expect(dialog.field("Backup Name")).to_have_value(re.compile(r"backup-[0-9a-f]{4}"))
        dialog.fill(name=name, description="Made by a test")
        before = writer.acknowledged
        dialog.done()

        backup = console.wait_backup(name)
        after = wait_for(lambda: writer.acknowledged if writer.acknowledged > before + 20 else 0)
        for backups in (BackupManagement(page), BackupsAndRestorations(page, instance["id"])):
            row = backups.open().row(name)
            assert row.id == backup["id"]
            for text in ("Complete", "Manual", "Physical", "Made by a test"):
                row.expect_text(text)
        BackupManagement(page).open().row(name).expect_text(instance["name"])
    assert writer.error is None

    assert backup["size"] == console.archive(backup).stat().st_size
    manifest = archives.unpack(console.archive(backup), tmp_path)
    assert {database["name"] for database in manifest["databases"]} >= {"first", "second"}
    first, second = archives.ids(tmp_path, "first.numbers", "second.numbers")
    assert first == set(range(len(first))) and second == set(range(len(second)))
    assert len(second) <= len(first) <= len(second) + 1
    assert before <= len(first) <= after + 1

    with connect(instance["port"]) as client:
        assert client["second"]["numbers"].count_documents({}) == writer.acknowledged
    assert console.instance(instance["name"])["action"] == ""


def test_pages_update_without_a_reload(signed_in_page: Page, console: Console) -> None:
    """Check that every page shows the new row at once and its Complete status without a reload."""
    instance = console.create_instance("live-pages")
    console.hooks.slow_next_backup(500_000)
    backups = BackupManagement(signed_in_page).open()
    signed_in_page.evaluate("window.notReloaded = true")
    backups.create_backup().choose(type="Replica set", instance="live-pages").submit(name="live-backup")
    row = backups.row("live-backup")
    row.expect_status("Backing up")
    row.expect_progress()
    own = BackupsAndRestorations(another_tab(signed_in_page), instance["id"]).open()
    instances = InstanceManagement(another_tab(signed_in_page)).open()
    for shown in (own, instances):
        shown.page.evaluate("window.notReloaded = true")
    own.row("live-backup").expect_status("Backing up")
    instances.row("live-pages").expect_status("Backing up")
    row.expect_status("Complete")
    own.row("live-backup").expect_status("Complete")
    instances.row("live-pages").expect_status("Available")
    for tab in (backups, own, instances):
        assert tab.page.evaluate("window.notReloaded")


def another_tab(page: Page) -> Page:
    tab = page.context.new_page()
    tab.goto(page.url)
    return tab
