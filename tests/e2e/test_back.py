"""The back button returns to the list as it was: filters, page, order and scroll position."""

import re

from playwright.sync_api import Page, ViewportSize, expect

from console.testing.pages import BackupManagement, InstanceManagement

SHORT: ViewportSize = {"width": 1280, "height": 400}


def texts(backups: BackupManagement) -> list[str]:
    """Return the text of each row without ages, which change while the test runs."""
    return [re.sub(r"just now|\d+ \w+ ago", "", row) for row in backups.rows().all_inner_texts()]


def test_back_from_a_backup_returns_to_the_same_page_of_the_filtered_list(staged_page: Page) -> None:
    page = staged_page
    page.set_viewport_size(SHORT)
    backups = BackupManagement(page).open()
    backups.search("rows-")
    expect(page).to_have_url(re.compile("q=rows-"))
    backups.filter("Status", "Complete")
    expect(page).to_have_url(re.compile("status=COMPLETED"))
    backups.turn("10")
    expect(page).to_have_url(re.compile("size=10"))
    backups.turn("Next")
    expect(page).to_have_url(re.compile("after="))
    address = page.url
    shown = texts(backups)
    link = backups.rows().nth(6).get_by_role("link", name=re.compile("^rows-")).first
    link.scroll_into_view_if_needed()
    scrolled = page.evaluate("window.scrollY")
    assert scrolled > 0
    link.click()
    expect(page).to_have_url(re.compile("br02/$"))
    page.go_back()
    expect(page).to_have_url(address)
    assert texts(backups) == shown
    expect(backups.search_field).to_have_value("rows-")
    expect(backups.filter_field("Status")).to_have_value("COMPLETED")
    page.wait_for_function(f"Math.abs(window.scrollY - {scrolled}) < 2")


def test_back_and_forward_step_through_the_filters(staged_page: Page) -> None:
    page = staged_page
    backups = BackupManagement(page).open()
    status = backups.filter_field("Status")
    backups.tab("Single Nodes")
    expect(page).to_have_url(re.compile(r"\?type=Single$"))
    backups.filter("Status", "Failed")
    expect(page).to_have_url(re.compile("status=FAILED"))
    expect(backups.rows("rows-")).to_have_count(1)
    page.go_back()
    expect(status).to_have_value("")
    expect(backups.tab_of("Single Nodes")).to_have_attribute("aria-current", "page")
    expect(backups.row("rows-many-05").root).to_be_visible()
    page.go_forward()
    expect(status).to_have_value("FAILED")
    expect(backups.rows("rows-")).to_have_count(1)


def test_dialogs_add_no_history_entries(staged_page: Page) -> None:
    page = staged_page
    backups = InstanceManagement(page).open().go_to(BackupManagement)
    backups.search("rows-many-0")
    expect(page).to_have_url(re.compile("q=rows-many-0"))
    address = page.url
    backups.create_backup().escape()
    backups.row("rows-many-03").open("rows-many-03").backup.restore().escape()
    page.go_back()
    expect(page).to_have_url(address)
    expect(backups.rows("rows-many-0")).to_have_count(10)


def test_the_page_size_is_remembered(staged_page: Page) -> None:
    page = staged_page
    backups = BackupManagement(page).open()
    backups.turn("10")
    expect(page).to_have_url(re.compile("size=10"))
    backups.open()
    expect(backups.rows()).to_have_count(10)
    expect(backups.pager("10")).to_have_attribute("aria-current", "true")
