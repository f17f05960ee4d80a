"""Toasts: one for each action, which changes in place when its work ends; a tick only for what is done."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from console.testing.dialogs import LockBackupDialog
from console.testing.pages import BackupsAndRestorations, InstanceManagement, Sessions, SignIn
from tests.e2e.console import PASSWORD, Console

# Bytes per second at which the backup of an instance without documents takes some seconds.
SLOW = 3_000_000
WIDTHS = (360, 768, 1024, 1180, 1280, 1440, 1920)


@pytest.fixture(scope="module")
def instance(console: Console) -> dict[str, str]:
    return console.create_instance("toasted", "Single")


@pytest.fixture
def page(console: Console, browser: Browser) -> Iterator[Page]:
    with browser.new_context(reduced_motion="reduce") as context:
        opened = context.new_page()
        SignIn(opened).open(console.url).submit("admin", PASSWORD)
        yield opened


def toasts(page: Page, text: str = "") -> Locator:
    return page.locator("[data-toast]").filter(has_text=text)


def expect_look(toast: Locator, tone: str) -> None:
    """Wait until the toast has the mark of its tone, and no other one."""
    expect(toast).to_have_attribute("data-tone", tone)
    marks = toast.evaluate(
        "(node) => [...node.children].slice(0, 2).map((icon) => getComputedStyle(icon).display !== 'none')"
    )
    ring = toast.evaluate("(node) => getComputedStyle(node, '::before').content !== 'none'")
    assert {"busy": [False, False], "ok": [True, False], "bad": [False, True]}[tone] == marks
    assert ring is (tone == "busy")


def test_the_toast_of_a_backup_changes_from_started_to_complete(
    page: Page, console: Console, instance: dict[str, str]
) -> None:
    backups = BackupsAndRestorations(page, instance["id"]).open()
    page.evaluate("window.same = null")
    backups.create_backup().submit(name="toasted-once")
    toast = toasts(page)
    expect(toast).to_have_count(1)
    toast.evaluate("(node) => (window.same = node)")
    backups.expect_toast("Backup “toasted-once” is complete.")
    expect(toast).to_have_count(1)
    assert toast.evaluate("(node) => node === window.same")
    expect_look(toast, "ok")
    expect(page.get_by_text("Backing up toasted as toasted-once.")).to_have_count(0)
    console.wait_available("toasted")


def test_a_started_backup_has_a_busy_mark_on_the_next_page_too_until_it_fails(
    page: Page, console: Console, instance: dict[str, str]
) -> None:
    console.hooks.slow_next_backup(SLOW)
    console.hooks.fail_next_backup(at=90)
    BackupsAndRestorations(page, instance["id"]).open().create_backup().submit(name="toasted-failed")
    expect_look(toasts(page), "busy")
    Sessions(page).open()
    expect_look(toasts(page, "Backing up toasted as toasted-failed."), "busy")
    Sessions(page).expect_toast("Backup “toasted-failed” failed")
    expect(toasts(page)).to_have_count(1)
    expect_look(toasts(page), "bad")
    console.wait_available("toasted")


def test_the_toasts_of_two_actions_stack(page: Page, console: Console, instance: dict[str, str]) -> None:
    other = console.create_instance("toasted-too", "Single")
    console.hooks.slow_next_backup(SLOW)
    instances = InstanceManagement(page).open()
    instances.row("toasted").create_backup().submit(name="toasted-slowly")
    instances.row("toasted-too").restart()
    expect(toasts(page)).to_have_count(2)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        first, second = (each.bounding_box() for each in toasts(page).all()[:2])
        assert first and second and first["y"] + first["height"] < second["y"], width
        assert second["x"] >= 0 and second["x"] + second["width"] <= width
    instances.expect_toast("Instance “toasted-too” is restarted.")
    expect_look(toasts(page, "Instance “toasted-too” is restarted."), "ok")
    expect(toasts(page, "toasted-too")).to_have_count(1)
    page.evaluate("for (const each of document.querySelectorAll('[data-toast-close]')) each.click()")
    console.hooks.clear()
    console.wait_backup("toasted-slowly")
    console.wait_available(other["name"])


def test_what_is_done_at_once_has_a_tick_and_one_toast(page: Page, console: Console, instance: dict[str, str]) -> None:
    console.create_backup(instance["id"], "toasted-locked")
    console.wait_backup("toasted-locked")
    backups = BackupsAndRestorations(page, instance["id"]).open()
    backups.row("toasted-locked").choose("Lock")
    LockBackupDialog(page).done()
    toast = toasts(page, "The backup toasted-locked is locked.")
    expect_look(toast, "ok")
    console.wait_available("toasted")


def test_a_window_that_started_work_shows_its_end_though_another_got_the_news(
    page: Page, console: Console, instance: dict[str, str]
) -> None:
    console.hooks.slow_next_backup(SLOW)
    BackupsAndRestorations(page, instance["id"]).open().create_backup().submit(name="toasted-twice")
    other = page.context.new_page()
    other.goto(page.url)
    complete = re.compile("Backup “toasted-twice” is complete.")
    expect(page.locator("[data-toast]").filter(has_text=complete)).to_have_count(1, timeout=60_000)
    expect(toasts(page, "toasted-twice")).to_have_count(1)
    console.wait_available("toasted")
