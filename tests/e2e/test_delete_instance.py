"""Deleting an instance with its real server, data and backups."""

import pytest
from playwright.sync_api import Page

from console.testing.dialogs import DeleteInstanceDialog
from console.testing.pages import BackupManagement, InstanceManagement
from tests.e2e.console import Console, connect
from tests.waiting import wait_for


def test_deleting_removes_the_server_and_data_but_keeps_the_manual_backup(
    signed_in_page: Page, console: Console
) -> None:
    instance = console.create_instance("to-be-deleted", "Sharding")
    with connect(instance["port"]) as client:
        client["shop"]["orders"].insert_one({"item": "lamp"})
    console.create_backup(instance["id"], "kept-backup")
    kept = console.wait_backup("kept-backup")
    console.wait_available("to-be-deleted")
    server = next(pid for pid, line in console.pids().items() if instance["id"] in line)

    row = InstanceManagement(signed_in_page).open().row("to-be-deleted")
    row.ask(DeleteInstanceDialog).expect_text("1 manual backup").done()
    row.expect_gone()

    assert console.instance("to-be-deleted") == {}
    assert server not in console.pids()
    wait_for(lambda: not list((console.home / "instances").glob(f"{instance['id']}*")), because="no data")
    assert console.archive(kept).exists()
    row_of_backup = BackupManagement(signed_in_page).open().row("kept-backup")
    for text in ("to-be-deleted", instance["id"], "Complete"):
        row_of_backup.expect_text(text)


@pytest.mark.parametrize("leave", ["cancel", "escape"])
def test_leaving_the_confirmation_deletes_nothing(signed_in_page: Page, console: Console, leave: str) -> None:
    name = f"spared-by-{leave}"
    console.create_instance(name)
    dialog = InstanceManagement(signed_in_page).open().row(name).ask(DeleteInstanceDialog)
    getattr(dialog, leave)()
    assert console.instance(name)["action"] == ""


def test_deleting_a_busy_instance_is_refused_with_the_reason(console: Console) -> None:
    instance = console.create_instance("busy-one")
    console.hooks.slow_next_backup(1_000_000)
    console.create_backup(instance["id"], "in-the-way")
    # If the backup were cancelled before it starts, the hook would slow down the next one.
    console.wait_running("backup")
    answer = console.post(f"/instances/{instance['id']}/delete/", {})
    assert answer.status == 422
    assert "operation is running" in answer.text
    console.post(f"/backups/{console.backup('in-the-way')['id']}/cancel/", {})
    console.wait_backup("in-the-way", "FAILED")
