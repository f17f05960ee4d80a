"""The lists and the Task Center in a real browser, with and without JavaScript."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from console.testing.pages import BackupDetail, BackupsAndRestorations, TaskCenter
from tests.e2e.console import Console


@pytest.fixture(scope="module")
def instance(console: Console) -> dict[str, Any]:
    """An instance with eleven backups, which fill two pages."""
    made = console.create_instance("listed", "Single")
    for number in range(11):
        console.create_backup(made["id"], f"listed-{number:02}")
        console.wait_backup(f"listed-{number:02}")
        console.wait_available("listed")
    return made


def test_paging_sorting_and_search_update_the_list_and_the_url(signed_in_page: Page, instance: dict[str, Any]) -> None:
    page = signed_in_page
    backups = BackupsAndRestorations(page, instance["id"]).open()
    path, rows = page.url, backups.rows("listed-")
    expect(rows).to_have_count(11)
    backups.turn("10")
    expect(rows).to_have_count(10)
    expect(page).to_have_url(f"{path}?size=10")
    backups.turn("Next")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?size=10&after="))
    expect(backups.pager("Next")).to_be_disabled()
    page.reload()
    expect(backups.rows("listed-00")).to_have_count(1)
    backups.refresh()
    expect(page).to_have_url(re.compile("after="))
    page.go_back()
    expect(rows).to_have_count(10)

    backups.sort("Backup Name/ID")
    expect(rows.first).to_contain_text("listed-00")
    backups.expect_sorted("Backup Name/ID", "ascending")
    backups.search("LISTED-07")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("q=LISTED-07"))
    exported = backups.export()
    assert exported.name == "backups-listed.csv"
    assert exported.text.count("\n") == 2 and "listed-07" in exported.text
    backups.clear()
    expect(page).to_have_url(path)
    # The console remembers the page size.
    expect(rows).to_have_count(10)
    backups.turn("20")
    expect(rows).to_have_count(11)


def test_the_task_center_shows_work_live_and_keeps_the_filters_open(signed_in_page: Page, console: Console) -> None:
    page = signed_in_page
    instance = console.create_instance("busy-tasks", "Single")
    console.hooks.slow_next_backup(3_000_000)
    tasks = TaskCenter(page).open(instance=instance["id"])
    # Start the backup after the page has opened, so that the page shows it running.
    console.create_backup(instance["id"], "watched-task")
    tasks.refresh()
    row = tasks.row("Backup", "busy-tasks")
    row.expect_text("watched-task")
    assert row.status in {"Queued", "Running"}
    field = tasks.more_filters().get_by_label("DB instance: whole name or ID")
    expect(field).to_have_value(instance["id"])
    field.fill("half-typed")
    row.expect_status("Completed")
    row.expect_text("by admin")
    expect(field).to_be_visible()
    expect(field).to_have_value("half-typed")
    field.fill(instance["id"])
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    row.press("watched-task")
    expect(BackupDetail(page, "watched-task").shown().fact("Status")).to_contain_text("Complete")


@pytest.mark.usefixtures("instance")
def test_without_javascript_lists_work_with_links_and_forms(without_javascript: Page) -> None:
    page = without_javascript
    tasks = TaskCenter(page).open()
    tasks.filter("Task", "Backup")
    filters = tasks.more_filters()
    filters.get_by_label("DB instance: whole name or ID").fill("LISTED")
    filters.get_by_role("button", name="Apply").click()
    tasks.sort_by("Oldest first")
    page.get_by_role("button", name="Search").click()
    expect(tasks.rows()).to_have_count(11)
    expect(tasks.rows().first).to_contain_text("listed-00")
    tasks.turn("10")
    tasks.turn("Next")
    expect(tasks.rows()).to_have_count(1)
    expect(tasks.rows()).to_contain_text("listed-10")
    tasks.turn("First")
    expect(tasks.rows()).to_have_count(10)
    tasks.search("no-such-instance")
    page.get_by_role("button", name="Search").click()
    tasks.expect_text("No task matches.")
