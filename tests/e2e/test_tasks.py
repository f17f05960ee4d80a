"""Task Center and the page of a task in a browser."""

import re
from uuid import UUID

from playwright.sync_api import Page, expect

from console.testing.pages import BackupsAndRestorations, TaskCenter, TaskPage
from tests.e2e.console import Console
from tests.e2e.stage import Stage
from tests.waiting import wait_for

WIDTHS = (360, 768, 1024, 1180, 1280, 1440, 1920)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# The lines of each reason, and the cells and panels that are wider than their place.
LINES = "all => all.map(each => Math.round(each.offsetHeight / parseFloat(getComputedStyle(each).lineHeight)))"


def test_a_failed_backup_is_retried_from_its_page(signed_in_page: Page, console: Console) -> None:
    console.create_instance("retried", "Single")
    console.hooks.fail_next_backup(at=40)
    console.create_backup(console.instance("retried")["id"], "at-last")
    console.wait_backup("at-last", "FAILED")
    page = TaskCenter(signed_in_page).open().row("Backup", "retried").open("Backup")
    old = page.task.id
    page.task.expect_status("Failed")
    page.expect_step("Opening the snapshot", "Completed")
    page.expect_step("Copying the databases", "Failed")
    expect(page.log).to_contain_text("failed: A test made this backup fail at 40 %.")
    page.retry().expect_text("Back up “retried” again?").done()
    page.follow_toast("Retrying the task “Backup”.")
    newer = TaskPage(signed_in_page, "Backup").shown()
    wait_for(lambda: newer.task.id != old, because="the newer task")
    newer.task.expect_status("Completed")
    newer.expect_step("Closing the snapshot", "Completed")
    expect(newer.steps()).to_have_text([re.compile(step) for step in ("snapshot", "space", "Copying", "Writ", "Clos")])
    expect(newer.log).to_contain_text("completed.")
    newer.fact("Retry Of").get_by_role("link").click()
    expect(page.fact("Retried By")).to_contain_text("Completed")
    assert page.task.id == old
    expect(page.task.operation("Retry")).to_have_accessible_description(re.compile("retried already"))


def test_a_running_task_is_shown_live_and_a_cancelled_one_is_no_failure(signed_in_page: Page, console: Console) -> None:
    instance = console.create_instance("watched-live", "Single")
    console.hooks.slow_next_backup(1_000_000)
    console.create_backup(instance["id"], "watched-live")
    console.wait_running("backup")
    page = TaskPage(signed_in_page, "Backup", str(UUID(console.job_of("watched-live")["id"]))).open()
    page.task.expect_status("Running")
    page.expect_step("Copying the databases", "Running")
    page.task.expect_progress("Copying the databases")
    console.post(f"/backups/{console.backup('watched-live')['id']}/cancel/", {})
    page.task.expect_status("Cancelled")
    page.expect_step("Copying the databases", "Cancelled")
    page.expect_text("Cancelled by admin")
    expect(page.log).to_contain_text("cancelled by admin.")
    BackupsAndRestorations(signed_in_page, instance["id"]).open().row("watched-live").expect_status("Cancelled")


def test_reasons_have_two_lines_and_nothing_scrolls_sideways_at_any_width(stage: Stage) -> None:
    page = stage.open("/tasks/?status=Failed")
    reasons = page.locator("main .reason")
    expect(reasons.first).to_be_visible()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert max(reasons.evaluate_all(LINES)) == 2, f"at {width} px"
        assert page.evaluate(OVERFLOW) <= 0, f"at {width} px"
    page = stage.open(f"/tasks/{stage.ids['task']}/")
    expect(page.get_by_role("table", name="Steps")).to_be_visible()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(OVERFLOW) <= 0, f"at {width} px"
        reason = page.get_by_role("main").get_by_text("at least 20 times as many as that.").first
        expect(reason, f"at {width} px").to_be_visible()
