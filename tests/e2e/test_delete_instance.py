"""Deleting an instance with its real server, data and backups."""

import pytest
from playwright.sync_api import Page, expect

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
    row.ask(DeleteInstanceDialog).expect_text("1 manual backup").submit("to-be-deleted")
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
    answer = console.post(f"/instances/{instance['id']}/delete/", {"confirm": "busy-one"})
    assert answer.status == 422
    assert "operation is running" in answer.text
    console.post(f"/backups/{console.backup('in-the-way')['id']}/cancel/", {})
    console.wait_backup("in-the-way", "CANCELLED")


def test_a_final_backup_is_made_before_the_instance_goes_and_a_cancelled_one_keeps_it(
    signed_in_page: Page, console: Console
) -> None:
    instance = console.create_instance("backed-up-last")
    row = InstanceManagement(signed_in_page).open().row("backed-up-last")
    console.hooks.slow_next_backup(1_000_000)
    dialog = row.ask(DeleteInstanceDialog)
    expect(dialog.field("Create a final backup")).to_be_checked()
    dialog.fill("backed-up", final_backup=True).press()
    dialog.expect_error("Type the name of the instance to confirm", "Type exactly this name: backed-up-last")
    dialog.submit("backed-up-last", final_backup=True)
    console.wait_running("delete-instance")
    final = console.backups.last(instance_uid=instance["id"])
    console.post(f"/backups/{final['id']}/cancel/", {})
    row.expect_status("Available")
    with connect(instance["port"]) as client:
        assert client.list_database_names()

    row.delete(final_backup=True)
    row.expect_gone()
    kept = console.backups.last(instance_uid=instance["id"])
    assert (kept["status"], kept["type"]) == ("COMPLETED", "Manual") and console.archive(kept).exists()
