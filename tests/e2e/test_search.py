"""Ctrl-K in the browser: results while typing, the keyboard, and the page without JavaScript."""

import re

from playwright.sync_api import Browser, Page, expect

from console.testing.dialogs import SearchDialog
from console.testing.pages import BackupManagement, InstanceHome, Overview, Search
from tests.e2e.stage import Stage


def test_ctrl_k_finds_an_instance_and_enter_opens_it(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    search = Overview(page).open().search_everything("rows-id")
    search.expect_chosen("rows-idle")
    page.keyboard.press("Enter")
    InstanceHome(page, "rows-idle").shown()


def test_arrow_keys_move_through_all_results_and_around(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    search = BackupManagement(page).open().search_everything("rows-")
    expect(search.results("Instances").first).to_have_attribute("aria-selected", "true")
    first, last = search.results().first, search.results().last
    expect(search.box).to_have_attribute("aria-activedescendant", first.get_attribute("id") or "")
    page.keyboard.press("ArrowUp")
    expect(last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(search.results().nth(1)).to_have_attribute("aria-selected", "true")
    expect(search.box).to_be_focused()


def test_escape_closes_it_and_the_focus_returns(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    backups = BackupManagement(page).open()
    backups.refresh_button.focus()
    backups.search_everything("rows-").escape()
    expect(backups.refresh_button).to_be_focused()


def test_the_link_in_the_bar_opens_the_same_dialog(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    Overview(page).open()
    page.get_by_role("banner").get_by_role("link", name="Search").click()
    search = SearchDialog(page)
    search.box.fill("nothing-has-this-name")
    search.expect_text("Nothing has a name that begins with this text")
    expect(search.box).to_have_attribute("aria-expanded", "false")


def test_it_does_not_open_over_a_dialog(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    dialog = BackupManagement(page).open().create_backup()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search")).to_be_hidden()
    dialog.escape()


def test_without_javascript_it_is_a_page(browser: Browser, stage: Stage) -> None:
    with stage.new_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_role("banner").get_by_role("link", name="Search").click()
        shown = Search(page).shown()
        page.get_by_role("combobox").fill("rows-idle")
        page.get_by_role("combobox").press("Enter")
        expect(page).to_have_url(re.compile("q=rows-idle"))
        shown.results("Instances").first.click()
        InstanceHome(page, "rows-idle").shown()
