"""From a failure to a message and the bell, with the real agent, a real receiver and a browser."""

import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from console.testing.pages import InstanceManagement, Notifications, Overview
from tests.console.notifications.receivers import HttpReceiver, http_receiver
from tests.e2e.console import Console
from tests.waiting import wait_for


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as found:
        yield found


def test_a_test_and_a_failure_arrive_and_their_outcome_is_shown(
    console: Console, signed_in_page: Page, receiver: HttpReceiver
) -> None:
    channels = Notifications(signed_in_page).open()
    dialog = channels.create_channel().fill(name="1st on call", url="syslog://").press()
    dialog.expect_error("Apprise URL", "This URL is for programs or devices of this machine.")
    dialog.fill(name="1st on call", url=receiver.url()).events("Backup failed", "Restore failed").done()
    row = channels.row("1st on call")
    row.expect_text("json://…")
    row.send_test()
    row.expect_status("Delivered")

    console.create_instance("to-notify")
    console.hooks.fail_next_backup(at=1)
    # A receiver that waits delays neither the job nor the heartbeats.
    receiver.answers.clear()
    console.create_backup(console.instance("to-notify")["id"], "doomed")
    console.wait_backup("doomed", "FAILED")
    wait_for(lambda: len(receiver.paths) == 2)
    console.create_backup(console.instance("to-notify")["id"], "not-delayed")
    console.wait_backup("not-delayed")
    page = row.open()
    page.delivery("Backup failed").expect_status("Sending")
    receiver.answers.set()
    page.delivery("doomed").expect_status("Delivered")
    wait_for(lambda: "Backup “doomed” of instance “to-notify” failed" in receiver.sentences[-1])

    Notifications(signed_in_page).open().row("1st on call").edit().enable(False).done()
    Notifications(signed_in_page).row("1st on call").delete()
    Notifications(signed_in_page).row("1st on call").expect_gone()
    secrets = subprocess.run(["grep", "-rl", "sesame-in-the-url", str(console.home)], capture_output=True, text=True)
    assert secrets.stdout == "" and "sesame-in-the-url" not in "".join(console.output)


def test_the_bell_rings_on_an_open_page_and_is_marked_as_read(console: Console, signed_in_page: Page) -> None:
    instance = console.create_instance("to-ring")
    page = InstanceManagement(signed_in_page).open()
    if "unread" in (page.bell.get_attribute("aria-label") or ""):
        page.mark_all_read()
        signed_in_page.keyboard.press("Escape")
    console.hooks.fail_next_backup(at=1)
    console.create_backup(instance["id"], "rings")
    page.expect_unread("1")
    shown = page.what_happened()
    link = shown.get_by_role("link", name="Backup “rings” of instance “to-ring” failed")
    expect(link).to_be_visible()
    shown.get_by_role("button", name="Mark all as read").click()
    page.expect_unread("")
    # The list stays open, and the focus stays near what was pressed.
    expect(link).to_be_visible()
    expect(page.bell).to_be_focused()
    link.click()
    expect(signed_in_page.get_by_role("heading", name="rings", level=1)).to_be_visible()
    Overview(signed_in_page).open().expect_unread("")
