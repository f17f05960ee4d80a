"""The shortcuts `/`, `c` and `?`: their effects, the places where they do nothing, and the switch for them."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from console.testing.dialogs import CreateBackupDialog, KeysDialog
from console.testing.pages import (
    Audit,
    BackupManagement,
    BackupsAndRestorations,
    BasicInformation,
    InstanceManagement,
    ListPage,
    Sessions,
    TaskCenter,
)
from tests.e2e.stage import Stage

OPEN: dict[str, Callable[[Page, Stage], ListPage]] = {
    "instances": lambda page, _: InstanceManagement(page).open(),
    "backups": lambda page, _: BackupManagement(page).open(),
    "tasks": lambda page, _: TaskCenter(page).open(),
    "audit": lambda page, _: Audit(page).open(),
    "backups of one": lambda page, stage: BackupsAndRestorations(page, stage.ids["idle"]).open(),
}


def expect_no_dialog(page: Page) -> None:
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("name", OPEN)
def test_slash_focuses_the_search_and_escape_leaves_it(staged_page: Page, stage: Stage, name: str) -> None:
    page = staged_page
    shown = OPEN[name](page, stage)
    refresh = page.get_by_role("link", name="Refresh", exact=True)
    refresh.focus()
    page.keyboard.press("/")
    search = shown.search_field
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    expect(search).to_have_attribute("aria-keyshortcuts", "/")
    page.keyboard.press("Escape")
    expect(refresh).to_be_focused()


def test_shortcuts_typed_into_a_field_are_plain_text(staged_page: Page) -> None:
    page = staged_page
    backups = BackupManagement(page).open()
    page.keyboard.press("/")
    page.keyboard.type("c/?")
    expect(backups.search_field).to_have_value("c/?")
    expect_no_dialog(page)


@pytest.mark.parametrize("name", ["backups", "backups of one"])
def test_c_opens_create_backup_and_the_focus_returns(staged_page: Page, stage: Stage, name: str) -> None:
    page = staged_page
    OPEN[name](page, stage)
    button = page.get_by_role("main").get_by_role("link", name="Create Backup").first
    expect(button).to_have_attribute("aria-keyshortcuts", "c")
    refresh = page.get_by_role("link", name="Refresh", exact=True)
    refresh.focus()
    page.keyboard.press("c")
    dialog = CreateBackupDialog(page)
    # In the dialog the keys type characters.
    page.keyboard.press("c")
    page.keyboard.press("?")
    expect(dialog.root).to_be_visible()
    dialog.cancel()
    expect(refresh).to_be_focused()


def test_in_instance_management_c_applies_to_the_focused_row(staged_page: Page) -> None:
    page = staged_page
    instances = InstanceManagement(page).open()
    page.keyboard.press("c")
    expect_no_dialog(page)
    name = instances.row("rows-idle").operation("rows-idle")
    name.focus()
    page.keyboard.press("c")
    CreateBackupDialog(page).expect_text("rows-idle").escape()
    expect(name).to_be_focused()
    # If the action is refused, the button takes the focus and shows the reason.
    busy = instances.row("rows-busy")
    busy.operation("rows-busy").focus()
    page.keyboard.press("c")
    expect(busy.root.get_by_role("button", name="Create Backup")).to_be_focused()
    expect(page.get_by_role("tooltip").filter(has_text="No backup can be made now")).to_be_visible()
    expect_no_dialog(page)


def test_the_question_mark_and_the_user_menu_show_the_shortcuts(staged_page: Page) -> None:
    page = staged_page
    sessions = Sessions(page).open()
    page.keyboard.press("?")
    KeysDialog(page).expect_text("Go to the page’s search").escape()
    expect(sessions.user_menu).to_be_focused()
    page.keyboard.press("Enter")
    sessions.user_menu_item("Keyboard shortcuts").click()
    KeysDialog(page)


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_keys_with_a_modifier_are_left_to_the_browser(staged_page: Page, modifier: str) -> None:
    page = staged_page
    BackupManagement(page).open()
    page.evaluate("addEventListener('keydown', (event) => (window.prevented = event.defaultPrevented))")
    page.keyboard.press(f"{modifier}+c")
    assert page.evaluate("window.prevented") is False
    expect_no_dialog(page)


def test_shortcuts_do_nothing_while_a_menu_is_open(staged_page: Page) -> None:
    page = staged_page
    BackupManagement(page).open(q="rows-complete").row("rows-complete").more.click()
    item = page.get_by_role("menuitem").first
    expect(item).to_be_focused()
    page.keyboard.press("c")
    page.keyboard.press("/")
    expect(item).to_be_focused()
    expect_no_dialog(page)


def test_a_page_without_a_search_leaves_the_slash_to_the_browser(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    BasicInformation(page, stage.ids["idle"]).open()
    page.evaluate("addEventListener('keydown', (event) => (window.prevented = event.defaultPrevented))")
    page.keyboard.press("/")
    assert page.evaluate("window.prevented") is False


def test_shortcuts_can_be_turned_off_and_stay_off_in_this_browser(staged_page: Page) -> None:
    page = staged_page
    backups = BackupManagement(page).open()
    page.keyboard.press("?")
    dialog = KeysDialog(page)
    expect(dialog.switch).to_be_checked()
    expect(dialog.switch).to_be_focused()
    page.keyboard.press("Space")
    dialog.escape()
    backups.open(size=10)
    for key in "/c?":
        page.keyboard.press(key)
    expect(page.locator("body")).to_be_focused()
    expect_no_dialog(page)
    assert page.locator("[data-shortcut][aria-keyshortcuts]").count() == 0
    dialog = backups.show_keys()
    expect(dialog.switch).not_to_be_checked()
    dialog.turn(True).escape()
    page.keyboard.press("/")
    expect(backups.search_field).to_be_focused()


def test_a_refresh_keeps_the_shortcuts(staged_page: Page) -> None:
    backups = BackupManagement(staged_page).open()
    with staged_page.expect_response(re.compile("/backups/")):
        backups.refresh()
    expect(backups.search_field).to_have_attribute("aria-keyshortcuts", "/")


def test_without_javascript_a_page_says_that_shortcuts_need_it(browser: Browser, stage: Stage) -> None:
    with stage.new_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        BackupManagement(page).open().choose_in_user_menu("Keyboard shortcuts")
        expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
        expect(page.locator("noscript p")).to_have_text("The keys / c and ? need JavaScript.")
        expect(page.get_by_role("switch")).to_be_hidden()
        assert page.locator("[aria-keyshortcuts]").count() == 0
