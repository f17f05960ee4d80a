"""Rename and Restart with the real server, in a real browser."""

import os
import re
import signal
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from console.testing.pages import BasicInformation, InstanceManagement, RenameForm
from tests.e2e.console import Console, connect
from tests.waiting import wait_for


def test_a_restart_starts_a_new_server_with_the_same_data_on_the_same_port(
    signed_in_page: Page, console: Console
) -> None:
    page = signed_in_page
    instance = console.create_instance("to-restart")
    with connect(instance["port"]) as client:
        client["shop"]["orders"].insert_many([{"_id": number} for number in range(100)])
    before = console.server_of(instance["id"])

    row = InstanceManagement(page).open().row("to-restart")
    row.restart()
    restarts = {"kind": "restart-instance", "instance_uid": instance["id"]}
    wait_for(lambda: console.jobs.find(**restarts, status="Completed"))
    row.expect_status("Available")

    after = console.wait_available("to-restart")
    assert after["port"] == instance["port"]
    assert console.server_of(instance["id"]) not in {0, before}
    with connect(instance["port"]) as client:
        assert client["shop"]["orders"].count_documents({}) == 100

    started = console.instance("to-restart")["started"]
    wait_for(lambda: console.instance("to-restart")["documents"] == 100 and started)
    basic = BasicInformation(page, instance["id"]).open()
    expect(basic.fact("Documents")).to_have_text("100")
    for term in ("Storage Used", "Connections", "Running Since"):
        expect(basic.fact(term)).to_have_text(re.compile(r"\d"))


def test_an_instance_comes_back_if_the_agent_is_killed_during_a_restart(tree: Console) -> None:
    console = tree
    instance = console.create_instance("killed-restarting")
    console.post(f"/instances/{instance['id']}/restart/", {})
    os.kill(console.pid_of("manage.py agent"), signal.SIGKILL)
    console.wait_available("killed-restarting")
    assert console.jobs.last(kind="restart-instance", instance_uid=instance["id"])["status"] in {"Failed", "Completed"}
    wait_for(lambda: console.server_of(instance["id"]))


def test_a_name_is_edited_in_place_in_the_list(signed_in_page: Page, console: Console) -> None:
    page = signed_in_page
    instance = console.create_instance("to-rename")
    instances = InstanceManagement(page).open()
    row = page.locator(f"#instance-{instance['id']}")
    edit = row.get_by_role("button", name="Rename to-rename")

    edit.click()
    RenameForm(page, row).escape()
    expect(edit).to_be_focused()

    form = instances.row("to-rename").edit_name()
    form.attempt("1é")
    form.expect_error("Start the name with a letter")
    expect(form.name).to_have_value("1é")

    # A refresh of the list leaves the open form alone.
    form.name.fill("renamed-inline")
    console.create_backup(instance["id"], "in-between")
    with page.expect_response(lambda answer: urlsplit(answer.url).path == "/instances/"):
        instances.refresh()
    console.wait_backup("in-between")
    expect(form.name).to_have_value("renamed-inline")
    form.name.press("Enter")
    # The row has the new name everywhere, and the focus stays where it was.
    expect(instances.row("renamed-inline").root).to_have_attribute("data-called", "renamed-inline")
    expect(page.get_by_role("button", name="Rename renamed-inline")).to_be_focused()
    assert console.instance("renamed-inline")["id"] == instance["id"]


def test_renaming_on_basic_information_updates_the_whole_page(signed_in_page: Page, console: Console) -> None:
    page = signed_in_page
    instance = console.create_instance("to-rename-here")
    BasicInformation(page, instance["id"]).open().edit_name().submit("renamed-here")
    expect(page.get_by_role("navigation", name="Breadcrumb")).to_contain_text("renamed-here")
    expect(page.get_by_role("heading", name="renamed-here", level=2)).to_be_visible()
    expect(page.get_by_role("button", name="Copy connection string")).to_be_visible()
    # The focus is on the link that has replaced the form.
    expect(page.get_by_role("main").get_by_role("link", name="renamed-here", exact=True).last).to_be_focused()
