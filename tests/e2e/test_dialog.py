"""The dialog in a real browser: errors, keys, focus, counters, double clicks, and life without JavaScript."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.console import PASSWORD, Console
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def instance(console: Console) -> dict[str, str]:
    return console.create_instance("dialogs", "Single")


def open_dialog(page: Page, console: Console, instance: dict[str, str]) -> None:
    page.goto(f"{console.url}/instances/{instance['id']}/backups/")
    page.get_by_role("link", name="Create Backup").first.click()
    expect(page.get_by_role("dialog", name="Create Backup")).to_be_visible()


def test_every_broken_rule_is_beside_its_field_and_the_text_stays(
    signed_in: Page, console: Console, instance: dict[str, str]
) -> None:
    page = signed_in
    open_dialog(page, console, instance)
    dialog = page.get_by_role("dialog")
    name, description = dialog.get_by_label("Backup Name"), dialog.get_by_label("Description")
    name.fill("1é")
    description.fill("a <b> & c")
    dialog.get_by_role("button", name="OK").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_have_value("1é")
    expect(description).to_have_value("a <b> & c")
    for text in ("at least 4", "Start the name with a letter", "Use only letters", "Remove"):
        expect(dialog).to_contain_text(text)
    described = name.get_attribute("aria-describedby")
    assert described and "error" in described
    name.fill("mended-name")
    description.fill("a b c")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()
    console.wait_backup("mended-name")
    console.wait_available("dialogs")


def test_the_suggestion_is_selected_so_that_typing_replaces_it(
    signed_in: Page, console: Console, instance: dict[str, str]
) -> None:
    page = signed_in
    open_dialog(page, console, instance)
    name = page.get_by_role("dialog").get_by_label("Backup Name")
    expect(name).to_be_focused()
    expect(name).to_have_value(re.compile(r"^backup-[0-9a-f]{4}$"))
    page.keyboard.type("typed-over")
    expect(name).to_have_value("typed-over")


def test_the_counter_counts_as_the_server_does(signed_in: Page, console: Console, instance: dict[str, str]) -> None:
    page = signed_in
    open_dialog(page, console, instance)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("0/256")
    dialog.get_by_label("Description").fill("😀" * 3)
    expect(dialog).to_contain_text("3/256")


@pytest.mark.parametrize("leave", ["Cancel", "Escape"])
def test_leaving_the_dialog_gives_the_focus_back_and_makes_nothing(
    signed_in: Page, console: Console, instance: dict[str, str], leave: str
) -> None:
    page = signed_in
    before = len(console.query("SELECT id FROM backups_backup"))
    open_dialog(page, console, instance)
    dialog = page.get_by_role("dialog")
    if leave == "Cancel":
        dialog.get_by_role("button", name="Cancel").click()
    else:
        page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Create Backup").first).to_be_focused()
    assert len(console.query("SELECT id FROM backups_backup")) == before


def test_a_double_click_makes_one_backup(signed_in: Page, console: Console, instance: dict[str, str]) -> None:
    page = signed_in
    open_dialog(page, console, instance)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Backup Name").fill("clicked-twice")
    dialog.get_by_role("button", name="OK").dblclick()
    expect(dialog).to_be_hidden()
    console.wait_backup("clicked-twice")
    console.wait_available("dialogs")
    assert len(console.query("SELECT id FROM backups_backup WHERE name = 'clicked-twice'")) == 1


def test_enter_submits(signed_in: Page, console: Console, instance: dict[str, str]) -> None:
    page = signed_in
    open_dialog(page, console, instance)
    page.get_by_role("dialog").get_by_label("Backup Name").fill("by-enter")
    page.keyboard.press("Enter")
    console.wait_backup("by-enter")
    console.wait_available("dialogs")


def test_choosing_a_type_narrows_the_names(signed_in: Page, console: Console, instance: dict[str, str]) -> None:
    page = signed_in
    page.goto(f"{console.url}/backups/")
    page.get_by_role("link", name="Create Backup").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("DB Instance Type").select_option(label="Single node")
    expect(dialog.get_by_label("DB Instance Name").locator("option", has_text="dialogs")).to_have_count(1)
    dialog.get_by_label("DB Instance Type").select_option(label="Cluster")
    expect(dialog.get_by_label("DB Instance Name").locator("option", has_text="dialogs")).to_have_count(0)


@pytest.fixture
def without_javascript(browser: Browser, console: Console) -> Iterator[Page]:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{console.url}/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        yield page


def test_without_javascript_the_forms_are_pages(
    without_javascript: Page, console: Console, instance: dict[str, str]
) -> None:
    page = without_javascript
    page.get_by_role("link", name="Backup Management").click()
    page.get_by_role("link", name="Create Backup").first.click()
    page.get_by_label("DB Instance Type").select_option(label="Single node")
    page.get_by_role("button", name="Show the instances of this type").click()
    page.get_by_label("DB Instance Name").select_option(instance["id"])
    page.get_by_label("Backup Name").fill("no")
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_text("at least 4")).to_be_visible()
    page.get_by_label("Backup Name").fill("no-script")
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_role("row").filter(has_text="no-script")).to_be_visible()
    console.wait_backup("no-script")
    console.wait_available("dialogs")

    page.get_by_role("link", name="Instance Management").click()
    page.get_by_role("link", name="Create DB Instance").first.click()
    page.get_by_label("DB Instance Name").fill("made-without-script")
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_role("row").filter(has_text="made-without-script")).to_be_visible()
    made = console.wait_available("made-without-script")
    page.goto(f"{console.url}/instances/{made['id']}/delete/")
    page.get_by_role("button", name="Yes").click()
    wait_for(lambda: not console.instance("made-without-script"), because="the deletion")


def test_a_session_that_ended_leads_to_sign_in_and_back(
    signed_in: Page, console: Console, instance: dict[str, str]
) -> None:
    page = signed_in
    path = f"{console.url}/instances/{instance['id']}/backups/"
    page.goto(path)
    page.context.clear_cookies()
    page.get_by_role("link", name="Create Backup").first.click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(path)
