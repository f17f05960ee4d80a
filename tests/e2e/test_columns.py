"""Users choose the columns of a list, and select all rows that match its filters."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.testing.pages import BackupManagement, BackupsAndRestorations, SignIn
from tests.e2e.console import PASSWORD, Console


@pytest.fixture(scope="module")
def instance(console: Console) -> dict[str, Any]:
    """An instance with the backup kept-00, and twelve more, which fill two pages."""
    made = console.create_instance("chosen", "Single")
    for name in ("kept-00", *(f"chosen-{number:02}" for number in range(12))):
        console.create_backup(made["id"], name)
        console.wait_backup(name)
        console.wait_available("chosen")
    return made


def test_chosen_columns_last_on_other_pages_and_after_signing_out(
    signed_in_page: Page, console: Console, instance: dict[str, Any]
) -> None:
    page = signed_in_page
    backups = BackupManagement(page).open()
    fixed = backups.columns().get_by_role("checkbox", name="Status", exact=True)
    expect(fixed).to_be_checked()
    expect(fixed).to_be_disabled()
    page.keyboard.press("Escape")
    try:
        backups.show_column("Description", False)
        of_one = BackupsAndRestorations(page, instance["id"]).open()
        expect(of_one.heading_of("Description")).to_have_count(0)
        backups.choose_in_user_menu("Sign out")
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        backups.open()
        expect(backups.heading_of("Status")).to_be_visible()
        expect(backups.heading_of("Description")).to_have_count(0)
    finally:
        backups.show_column("Description")
    page.reload()
    expect(backups.heading_of("Description")).to_be_visible()


@pytest.mark.usefixtures("instance")
def test_without_javascript_columns_are_chosen_in_a_form(without_javascript: Page) -> None:
    page = without_javascript
    backups = BackupManagement(page).open(q="kept-00")
    for shown in (False, True):
        menu = backups.columns()
        menu.get_by_role("checkbox", name="Description").set_checked(shown)
        menu.get_by_role("button", name="Apply").click()
        expect(page).to_have_url(f"{page.url.split('/backups')[0]}/backups/?q=kept-00")
        expect(backups.heading_of("Description")).to_have_count(int(shown))


def test_all_that_match_are_selected_across_pages_and_deleted(
    signed_in_page: Page, console: Console, instance: dict[str, Any]
) -> None:
    page = signed_in_page
    backups = BackupsAndRestorations(page, instance["id"]).open(size=10, q="chosen")
    backups.expect_range("1-10 of 12")
    backups.tick("chosen-11")
    expect(page.get_by_role("checkbox", name="Select all 12")).to_have_count(0)
    backups.tick_all_matching(12)
    backups.turn("Next")
    backups.expect_range("11-12 of 12")
    expect(backups.box("chosen-00")).to_be_checked()
    dialog = backups.delete_selected()
    for number in range(12):
        expect(dialog.root).to_contain_text(f"chosen-{number:02}")
    expect(dialog.root).to_contain_text("Delete 12 backups?")
    dialog.done()
    expect(backups.rows("chosen-")).to_have_count(0, timeout=60_000)
