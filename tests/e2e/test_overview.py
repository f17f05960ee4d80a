"""The front page in a real browser, against the real process tree."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Browser, Page, expect

from console.testing.pages import BackupManagement, InstanceManagement, Overview, SignIn, TaskPage
from tests.e2e.console import PASSWORD, Console


def age(console: Console, name: str) -> None:
    """Make the instance two days old."""
    ago = datetime.now(UTC) - timedelta(days=2)
    console.instances.change({"name": name}, created=f"{ago:%Y-%m-%d %H:%M:%S}")


def test_a_backup_appears_in_todays_column_and_its_instance_is_no_longer_late(
    fresh_console: Console, page: Page
) -> None:
    console = fresh_console
    for name in ("late-one", "late-two"):
        console.create_instance(name)
        age(console, name)
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    overview = Overview(page).shown()
    expect(overview.status("Available")).to_have_text("2 Available")
    overview.expect_text("2 instances without a Complete backup in 24 h.")
    page.evaluate("window.same = true")

    row = overview.row("late-one")
    row.expect_text("over 24 h")
    row.create_backup().submit(name="at-last")
    overview.expect_today(complete=1)
    overview.expect_text("1 instance without a Complete backup in 24 h.")
    expect(row.root).not_to_contain_text("over 24 h")
    overview.row("late-two").expect_text("No Complete backup yet")
    expect(overview.status("Available")).to_have_text("2 Available")
    assert page.evaluate("window.same"), "the page was loaded again"

    overview.today().click()
    expect(BackupManagement(page).shown().row("at-last").root).to_be_visible()


def test_a_refresh_keeps_the_open_table_and_the_focus(fresh_console: Console, page: Page) -> None:
    console = fresh_console
    instance = console.create_instance("unfolding")
    console.create_backup(instance["id"], "first-of-all")
    console.wait_backup("first-of-all")
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    overview = Overview(page).shown()
    table = overview.as_table("Backups of the last 14 days")
    expect(table.get_by_role("row").nth(1)).to_contain_text("1")
    overview.row("unfolding").create_backup().submit(name="second-of-all")
    overview.expect_today(complete=2)
    expect(table.get_by_role("row").nth(1)).to_contain_text("2")
    expect(overview.row("unfolding").operation("Create Backup")).to_be_focused()


def test_a_failure_is_shown_with_its_reason(fresh_console: Console, page: Page) -> None:
    console = fresh_console
    instance = console.create_instance("to-fail")
    console.hooks.fail_next_backup(at=40)
    console.create_backup(instance["id"], "to-fail-too")
    failed = console.wait_backup("to-fail-too", "FAILED")
    SignIn(page).open(console.url).submit("admin", PASSWORD)
    overview = Overview(page).shown()
    overview.expect_today(complete=0, failed=1)
    failure = overview.failure("Backup: to-fail")
    expect(failure).to_contain_text(failed["failure"])
    failure.get_by_role("link").click()
    TaskPage(page, "Backup").shown().task.expect_status("Failed")


def test_the_overview_works_without_javascript_and_on_a_small_screen(console: Console, browser: Browser) -> None:
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
    expect(overview.as_table("Backups of the last 14 days")).to_be_visible()
    overview.today().click()
    expect(BackupManagement(page).shown().row("scriptless").root).to_be_visible()
    overview.open().status("Available").click()
    InstanceManagement(page).shown().row("scriptless").expect_status("Available")
    context.close()
