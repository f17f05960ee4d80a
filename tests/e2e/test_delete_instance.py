"""Deleting an instance with its real server, data and backups."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.bulk import fill
from tests.e2e.console import Console, connect
from tests.waiting import wait_for


def test_the_server_and_the_data_go_and_the_manual_backup_stays(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("to-be-deleted", "Sharding")
    with connect(instance["port"]) as client:
        client["shop"]["orders"].insert_one({"item": "lamp"})
    console.create_backup(instance["id"], "kept-backup")
    kept = console.wait_backup("kept-backup")
    console.wait_available("to-be-deleted")
    server = next(pid for pid, line in console.pids().items() if instance["id"] in line)

    page.goto(f"{console.url}/instances/")
    row = page.get_by_role("row").filter(has_text="to-be-deleted")
    row.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 manual backup")
    dialog.get_by_role("button", name="Yes").click()
    expect(dialog).to_be_hidden()
    expect(row).to_have_count(0)

    assert console.instance("to-be-deleted") == {}
    assert server not in console.pids()
    wait_for(lambda: not list((console.home / "instances").glob(f"{instance['id']}*")), because="no data")
    assert console.archive(kept).exists()
    page.get_by_role("link", name="Backup Management").click()
    row = page.get_by_role("row").filter(has_text="kept-backup")
    for text in ("to-be-deleted", instance["id"], "Complete"):
        expect(row).to_contain_text(text)


@pytest.mark.parametrize("leave", ["Cancel", "Escape"])
def test_leaving_the_confirmation_deletes_nothing(signed_in: Page, console: Console, leave: str) -> None:
    page, name = signed_in, f"spared-by-{leave}"
    console.create_instance(name)
    page.goto(f"{console.url}/instances/")
    page.get_by_role("row").filter(has_text=name).get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    if leave == "Cancel":
        dialog.get_by_role("button", name="Cancel").click()
    else:
        page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert console.instance(name)["action"] == ""


def test_deleting_a_busy_instance_is_refused_with_the_reason(console: Console) -> None:
    instance = console.create_instance("busy-one")
    fill(instance["port"], megabytes=40)
    console.create_backup(instance["id"], "in-the-way")
    answer = console.post(f"/instances/{instance['id']}/delete/", {})
    assert answer.status == 422
    assert "operation is running" in answer.text
    console.wait_backup("in-the-way")
