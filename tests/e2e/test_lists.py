"""The lists and the Task Center in a real browser, with and without JavaScript."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.bulk import fill
from tests.e2e.console import PASSWORD, Console


@pytest.fixture(scope="module")
def instance(console: Console) -> dict[str, Any]:
    """An instance with eleven backups: two pages of them."""
    made = console.create_instance("listed", "Single")
    for number in range(11):
        console.create_backup(made["id"], f"listed-{number:02}")
        console.wait_backup(f"listed-{number:02}")
        console.wait_available("listed")
    return made


def rows(page: Page, beginning: str = "listed-") -> Any:
    return page.locator("tbody tr").filter(has_text=beginning)


def test_pages_sorting_and_search_swap_the_list_and_are_in_the_address(
    signed_in: Page, console: Console, instance: dict[str, Any], tmp_path: Path
) -> None:
    page = signed_in
    path = f"{console.url}/instances/{instance['id']}/backups/"
    page.goto(path)
    expect(rows(page)).to_have_count(11)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="10", exact=True).click()
    expect(rows(page)).to_have_count(10)
    expect(page).to_have_url(f"{path}?size=10")
    page.get_by_role("link", name="Next").click()
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?size=10&after="))
    expect(page.get_by_role("link", name="Next")).to_be_disabled()
    page.reload()
    expect(rows(page, "listed-00")).to_have_count(1)
    page.get_by_role("link", name="Refresh", exact=True).click()
    expect(page).to_have_url(re.compile("after="))
    page.go_back()
    expect(rows(page)).to_have_count(10)

    page.get_by_role("columnheader", name="Backup Name/ID").get_by_role("link").click()
    expect(rows(page).first).to_contain_text("listed-00")
    expect(page.get_by_role("columnheader", name="Backup Name/ID")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("searchbox").fill("LISTED-07")
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile("q=LISTED-07"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert text.count("\n") == 2 and "listed-07" in text and download.value.suggested_filename == "backups-listed.csv"
    page.get_by_role("link", name="Clear").click()
    expect(rows(page)).to_have_count(11)
    expect(page).to_have_url(path)


def test_the_task_center_shows_work_live_and_closes_nothing_meanwhile(signed_in: Page, console: Console) -> None:
    page = signed_in
    instance = console.create_instance("busy-tasks", "Single")
    fill(instance["port"], megabytes=60)
    page.goto(f"{console.url}/instances/{instance['id']}/")
    console.create_backup(instance["id"], "watched-task")
    page.get_by_role("link", name="Tasks of this instance").click()
    expect(page.get_by_role("heading", name="Task Center")).to_be_visible()
    row = page.locator("tbody tr").filter(has_text="watched-task")
    expect(row).to_contain_text(re.compile("Queued|Running"))
    page.get_by_role("button", name="Filters").click()
    field = page.get_by_label("DB instance: whole name or ID")
    expect(field).to_have_value(instance["id"])
    field.fill("half-typed")
    expect(row).to_contain_text("Completed")
    expect(row).to_contain_text("by admin")
    expect(field).to_be_visible()
    expect(field).to_have_value("half-typed")
    field.fill(instance["id"])
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    row.get_by_role("link", name="watched-task").click()
    expect(page.get_by_role("heading", name="watched-task")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Complete")


@pytest.fixture
def without_javascript(browser: Browser, console: Console) -> Iterator[Page]:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{console.url}/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        yield page


def test_without_javascript_all_of_it_is_links_and_forms(
    without_javascript: Page, console: Console, instance: dict[str, Any]
) -> None:
    page = without_javascript
    page.get_by_role("link", name="Task Center").click()
    page.get_by_label("Task", exact=True).select_option(label="Physical backup")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("DB instance: whole name or ID").fill("LISTED")
    page.get_by_label("Sort by").select_option(label="Oldest first")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("tbody tr")).to_have_count(11)
    expect(page.locator("tbody tr").first).to_contain_text("listed-00")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="10", exact=True).click()
    page.get_by_role("link", name="Next").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("listed-10")
    page.get_by_role("link", name="First").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    page.get_by_role("searchbox").fill("no-such-instance")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No task matches.")).to_be_visible()
