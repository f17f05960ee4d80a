"""The front page in a real browser, against the real process tree."""

import sqlite3
from contextlib import closing

from playwright.sync_api import Browser, Page, expect

from console.testing.pages import InstanceManagement, Overview, SignIn
from tests.e2e.console import PASSWORD, Console


def age(console: Console, name: str) -> None:
    """Let the instance be two days old."""
    with closing(sqlite3.connect(console.home / "console.sqlite3", timeout=20)) as database, database:
        database.execute("UPDATE instances_instance SET created = datetime(created, '-2 days') WHERE name = ?", [name])


def test_a_backup_appears_in_todays_column_and_its_instance_is_late_no_more(fresh_console: Console, page: Page) -> None:
    console = fresh_console
    for name in ("late-one", "late-two"):
        console.create_instance(name)
        age(console, name)
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    overview = Overview(page).shown()
    expect(overview.status("Available")).to_have_text("2 Available")
    expect(page.get_by_text("2 instances without a Complete backup in 24 h.")).to_be_visible()
    page.evaluate("window.same = true")

    row = overview.row("late-one")
    expect(row.root).to_contain_text("over 24 h")
    row.create_backup().submit(name="at-last")
    overview.expect_today(complete=1)
    expect(page.get_by_text("1 instance without a Complete backup in 24 h.")).to_be_visible()
    expect(row.root).not_to_contain_text("over 24 h")
    expect(overview.row("late-two").root).to_contain_text("No Complete backup yet")
    expect(overview.status("Available")).to_have_text("2 Available")
    assert page.evaluate("window.same"), "the page was loaded again"

    overview.today().click()
    expect(page.get_by_role("heading", name="Backup Management")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="at-last")).to_be_visible()


def test_what_has_been_unfolded_and_focused_stays_so_while_it_refreshes(fresh_console: Console, page: Page) -> None:
    console = fresh_console
    instance = console.create_instance("unfolding")
    console.create_backup(instance["id"], "first-of-all")
    console.wait_backup("first-of-all")
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    overview = Overview(page).shown()
    page.get_by_text("As a table").first.click()
    table = page.get_by_role("table", name="Backups of the last 14 days")
    expect(table.get_by_role("row").nth(1)).to_contain_text("1")
    overview.row("unfolding").create_backup().submit(name="second-of-all")
    overview.expect_today(complete=2)
    expect(table.get_by_role("row").nth(1)).to_contain_text("2")
    expect(overview.row("unfolding").root.get_by_role("link", name="Create Backup")).to_be_focused()


def test_a_failure_is_told_with_its_reason(fresh_console: Console, page: Page) -> None:
    console = fresh_console
    instance = console.create_instance("to-fail")
    console.hooks.fail_next_backup(at=40)
    console.create_backup(instance["id"], "to-fail-too")
    failed = console.wait_backup("to-fail-too", "FAILED")
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    overview = Overview(page).shown()
    overview.expect_today(complete=0, failed=1)
    failure = overview.failure("Physical backup: to-fail")
    expect(failure).to_contain_text(failed["failure"])
    failure.get_by_role("link").click()
    expect(page.get_by_role("row").filter(has_text="to-fail")).to_contain_text("Failed")


def test_it_works_without_scripts_and_on_a_small_screen(console: Console, browser: Browser) -> None:
    instance = console.create_instance("scriptless")
    console.create_backup(instance["id"], "scriptless")
    console.wait_backup("scriptless")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    overview = Overview(page).shown()
    for part in page.get_by_role("main").get_by_role("listitem").all() + page.locator(".panel").all():
        box = part.bounding_box()
        assert box is None or box["x"] + box["width"] <= 360
    page.get_by_text("As a table").first.click()
    expect(page.get_by_role("table", name="Backups of the last 14 days")).to_be_visible()
    overview.today().click()
    expect(page.get_by_role("row").filter(has_text="scriptless").first).to_be_visible()
    Overview(page).open().status("Available").click()
    InstanceManagement(page).shown().row("scriptless").expect_status("Available")
    context.close()
