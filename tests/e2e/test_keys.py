"""The keys `/`, `c` and `?`: what they do, where they are left alone, and that they can be turned off."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.stage import Stage


@pytest.mark.parametrize("path", ["/instances/", "/backups/", "/tasks/", "/audit/", "/instances/{idle}/backups/"])
def test_the_slash_goes_to_the_search_and_escape_leaves_it(staged_page: Page, stage: Stage, path: str) -> None:
    page = staged_page
    page.goto(stage.console.url + path.format(**stage.ids))
    refresh = page.get_by_role("link", name="Refresh", exact=True)
    refresh.focus()
    page.keyboard.press("/")
    search = page.get_by_role("searchbox").or_(page.get_by_label("Resource name or ID"))
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    expect(search).to_have_attribute("aria-keyshortcuts", "/")
    page.keyboard.press("Escape")
    expect(refresh).to_be_focused()


def test_what_is_typed_into_a_field_is_typed(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/backups/")
    page.keyboard.press("/")
    page.keyboard.type("c/?")
    expect(page.get_by_role("searchbox")).to_have_value("c/?")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.parametrize("path", ["/backups/", "/instances/{idle}/backups/"])
def test_c_opens_create_backup_and_the_focus_comes_back(staged_page: Page, stage: Stage, path: str) -> None:
    page = staged_page
    page.goto(stage.console.url + path.format(**stage.ids))
    expect(page.locator("#create-backup")).to_have_attribute("aria-keyshortcuts", "c")
    refresh = page.get_by_role("link", name="Refresh", exact=True)
    refresh.focus()
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="Create Backup")
    expect(dialog).to_be_visible()
    # Typed in the dialog they are letters.
    page.keyboard.press("c")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(refresh).to_be_focused()


def test_in_instance_management_c_is_meant_of_the_row_that_has_the_focus(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/instances/")
    page.keyboard.press("c")
    expect(page.get_by_role("dialog")).to_be_hidden()
    name = page.get_by_role("link", name="rows-idle", exact=True)
    name.focus()
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="Create Backup")
    expect(dialog).to_contain_text("rows-idle")
    page.keyboard.press("Escape")
    expect(name).to_be_focused()
    # Refused, the button takes the focus, which shows why.
    page.get_by_role("link", name="rows-busy", exact=True).focus()
    page.keyboard.press("c")
    refused = page.get_by_role("row").filter(has_text="rows-busy").get_by_role("button", name="Create Backup")
    expect(refused).to_be_focused()
    expect(page.get_by_role("tooltip").filter(has_text="No backup can be made now")).to_be_visible()
    expect(dialog).to_be_hidden()


def test_the_question_mark_shows_the_keys_as_the_users_menu_does(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/account/sessions/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Go to the page’s search")
    page.keyboard.press("Escape")
    menu = page.get_by_role("button", name="admin")
    expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(dialog).to_be_visible()


@pytest.mark.parametrize("modifier", ["Control", "Alt", "Meta"])
def test_with_a_modifier_the_keys_are_the_browsers(staged_page: Page, stage: Stage, modifier: str) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/backups/")
    page.evaluate("addEventListener('keydown', (event) => (window.prevented = event.defaultPrevented))")
    page.keyboard.press(f"{modifier}+c")
    assert page.evaluate("window.prevented") is False
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_with_an_open_menu_the_keys_do_nothing(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/backups/")
    page.get_by_role("button", name="More").first.click()
    item = page.get_by_role("menuitem").first
    expect(item).to_be_focused()
    page.keyboard.press("c")
    page.keyboard.press("/")
    expect(item).to_be_focused()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_page_without_a_search_leaves_the_slash_to_the_browser(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/instances/{stage.ids['idle']}/")
    page.evaluate("addEventListener('keydown', (event) => (window.prevented = event.defaultPrevented))")
    page.keyboard.press("/")
    assert page.evaluate("window.prevented") is False


def test_the_keys_can_be_turned_off_and_stay_off_in_this_browser(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/backups/")
    page.keyboard.press("?")
    switch = page.get_by_role("switch", name="Single-key shortcuts")
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    page.goto(f"{stage.console.url}/backups/?size=10")
    for key in "/c?":
        page.keyboard.press(key)
    expect(page.locator("body")).to_be_focused()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.locator("[aria-keyshortcuts]").count() == 0
    # Another page that is open has heard of it.
    page.get_by_role("button", name="admin").click()
    page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(switch).not_to_be_checked()
    switch.check()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_a_refresh_does_not_take_the_keys_away(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/backups/")
    with page.expect_response(re.compile("/backups/")):
        page.get_by_role("link", name="Refresh", exact=True).click()
    expect(page.get_by_role("searchbox")).to_have_attribute("aria-keyshortcuts", "/")


def test_without_javascript_the_keys_are_a_page_that_says_what_they_need(browser: Browser, stage: Stage) -> None:
    with stage.new_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{stage.console.url}/backups/")
        page.get_by_role("button", name="admin").click()
        page.get_by_role("menuitem", name="Keyboard shortcuts").click()
        expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
        expect(page.locator("noscript p")).to_have_text("The keys / c and ? need JavaScript.")
        expect(page.get_by_role("switch")).to_be_hidden()
        assert page.locator("[aria-keyshortcuts]").count() == 0
