"""The keys `/`, `c` and `?`: what they do, where they are left alone, and that they can be turned off."""

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
def test_the_slash_goes_to_the_search_and_escape_leaves_it(staged_page: Page, stage: Stage, name: str) -> None:
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


def test_what_is_typed_into_a_field_is_typed(staged_page: Page) -> None:
    page = staged_page
    backups = BackupManagement(page).open()
    page.keyboard.press("/")
    page.keyboard.type("c/?")
    expect(backups.search_field).to_have_value("c/?")
    expect_no_dialog(page)


@pytest.mark.parametrize("name", ["backups", "backups of one"])
def test_c_opens_create_backup_and_the_focus_comes_back(staged_page: Page, stage: Stage, name: str) -> None:
    page = staged_page
    OPEN[name](page, stage)
    button = page.get_by_role("main").get_by_role("link", name="Create Backup").first
    expect(button).to_have_attribute("aria-keyshortcuts", "c")
    refresh = page.get_by_role("link", name="Refresh", exact=True)
    refresh.focus()
    page.keyboard.press("c")
    dialog = CreateBackupDialog(page)
    # Typed in the dialog they are letters.
    page.keyboard.press("c")
    page.keyboard.press("?")
    expect(dialog.root).to_be_visible()
    dialog.escape()
    expect(refresh).to_be_focused()


def test_in_instance_management_c_is_meant_of_the_row_that_has_the_focus(staged_page: Page) -> None:
    page = staged_page
    instances = InstanceManagement(page).open()
    page.keyboard.press("c")
    expect_no_dialog(page)
    name = instances.row("rows-idle").operation("rows-idle")
    name.focus()
    page.keyboard.press("c")
    CreateBackupDialog(page).expect_text("rows-idle").escape()
    expect(name).to_be_focused()
    # Refused, the button takes the focus, which shows why.
    busy = instances.row("rows-busy")
    busy.operation("rows-busy").focus()
    page.keyboard.press("c")
    expect(busy.root.get_by_role("button", name="Create Backup")).to_be_focused()
    expect(page.get_by_role("tooltip").filter(has_text="No backup can be made now")).to_be_visible()
    expect_no_dialog(page)


def test_the_question_mark_shows_the_keys_as_the_users_menu_does(staged_page: Page) -> None:
    page = staged_page
    sessions = Sessions(page).open()
    page.keyboard.press("?")
    KeysDialog(page).expect_text("Go to the page’s search").escape()
    expect(sessions.user_menu).to_be_focused()
    page.keyboard.press("Enter")
    sessions.user_menu_item("Keyboard shortcuts").click()
    KeysDialog(page)


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_with_a_modifier_the_keys_are_the_browsers(staged_page: Page, modifier: str) -> None:
    page = staged_page
    BackupManagement(page).open()
    page.evaluate("addEventListener('keydown', (event) => (window.prevented = event.defaultPrevented))")
    page.keyboard.press(f"{modifier}+c")
    assert page.evaluate("window.prevented") is False
    expect_no_dialog(page)


def test_with_an_open_menu_the_keys_do_nothing(staged_page: Page) -> None:
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


def test_the_keys_can_be_turned_off_and_stay_off_in_this_browser(staged_page: Page) -> None:
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
    assert page.locator("[aria-keyshortcuts]").count() == 0
    dialog = backups.show_keys()
    expect(dialog.switch).not_to_be_checked()
    dialog.turn(True).escape()
    page.keyboard.press("/")
    expect(backups.search_field).to_be_focused()


def test_a_refresh_does_not_take_the_keys_away(staged_page: Page) -> None:
    backups = BackupManagement(staged_page).open()
    with staged_page.expect_response(re.compile("/backups/")):
        backups.refresh()
    expect(backups.search_field).to_have_attribute("aria-keyshortcuts", "/")


def test_without_javascript_the_keys_are_a_page_that_says_what_they_need(browser: Browser, stage: Stage) -> None:
    with stage.new_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        BackupManagement(page).open().choose_in_user_menu("Keyboard shortcuts")
        expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
        expect(page.locator("noscript p")).to_have_text("The keys / c and ? need JavaScript.")
        expect(page.get_by_role("switch")).to_be_hidden()
        assert page.locator("[aria-keyshortcuts]").count() == 0
