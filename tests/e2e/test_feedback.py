"""The progress and the results of work, reported on every page of the console."""

import os
import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request, expect

from console.testing.pages import (
    Audit,
    BackupDetail,
    BackupManagement,
    InstanceManagement,
    Sessions,
    SignIn,
    TaskCenter,
)
from tests.e2e.bulk import fill
from tests.e2e.console import PASSWORD, Console


@pytest.fixture(scope="module")
def slow_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console with the instance `large`, whose backups take as long as a test needs."""
    with Console(tmp_path_factory.mktemp("slow") / "home") as running:
        fill(running.create_instance("large")["port"], megabytes=4)
        yield running


# Bytes per second for a long and a short backup of `large`.
LONG, SHORT = 2_000_000, 5_000_000  # about 8 s and 3 s


@pytest.fixture
def slow_page(slow_console: Console, page: Page) -> Page:
    SignIn(page).open(slow_console.url).submit("admin", PASSWORD)
    return page


def test_progress_shows_bytes_speed_and_time_left_in_lists_and_on_the_backup_page(
    slow_console: Console, slow_page: Page
) -> None:
    slow_console.hooks.slow_next_backup(LONG)
    slow_console.create_backup(slow_console.instance("large")["id"], "watched")
    backups = BackupManagement(slow_page).open()
    backups.row("watched").expect_progress("Copying the databases: ", " of ", "/s", " left")
    TaskCenter(slow_page).open().row("Backup", "large").expect_progress("MB/s")
    BackupManagement(slow_page).open().row("watched").open("watched")
    detail = BackupDetail(slow_page, "watched").shown()
    detail.expect_progress("Copying the databases: ", "/s", "about ", " left")
    slow_console.wait_backup("watched")


def test_the_end_of_a_backup_is_reported_on_another_page_and_in_the_title(
    slow_console: Console, slow_page: Page
) -> None:
    backups = BackupManagement(slow_page).open()
    backups.expect_running(0)
    slow_console.hooks.slow_next_backup(SHORT)
    backups.create_backup().choose(type="Replica set", instance="large").submit(name="elsewhere")
    backups.expect_running(1)
    audit = Audit(slow_page).open()
    audit.expect_running(1)
    slow_page.evaluate("window.same = true")
    audit.expect_toast("Backup “elsewhere” is complete.")
    audit.expect_running(0)
    audit.follow_toast("Backup “elsewhere” is complete.")
    BackupDetail(slow_page, "elsewhere").shown()
    sessions = Sessions(slow_page).open()
    sessions.expect_no_toast("elsewhere")


def test_an_idle_list_shows_the_backup_that_a_toast_reports(slow_console: Console, slow_page: Page) -> None:
    slow_console.wait_available("large")
    backups = BackupManagement(slow_page).open()
    slow_console.create_backup(slow_console.instance("large")["id"], "made-elsewhere")
    backups.expect_toast("Backup “made-elsewhere” is complete.")
    backups.row("made-elsewhere").expect_status("Complete")


def test_an_untouched_toast_disappears_and_does_not_return(slow_console: Console, slow_page: Page) -> None:
    instances = InstanceManagement(slow_page).open()
    instances.row("large").restart()
    instances.expect_toast("Instance “large” is restarted.")
    instances.expect_no_toast("Instance “large” is restarted.")
    TaskCenter(slow_page).open().expect_no_toast("Instance “large” is restarted.")


def test_the_toast_of_a_failure_stays_on_all_pages_until_it_is_closed(slow_console: Console, slow_page: Page) -> None:
    slow_console.wait_available("large")
    slow_console.hooks.slow_next_backup(LONG)
    slow_console.create_backup(slow_console.instance("large")["id"], "killed")
    slow_console.wait_running("backup")
    tasks = TaskCenter(slow_page).open()
    os.kill(slow_console.pid_of("manage.py agent"), signal.SIGKILL)
    failed = "Backup “killed” failed: The agent stopped while this was running."
    tasks.expect_toast(failed)
    sessions = Sessions(slow_page).open()
    sessions.expect_toast(failed)
    sessions.close_toast(failed)
    Audit(slow_page).open().expect_no_toast(failed)
    slow_console.wait_available("large")


COUNT_TOASTS = """() => {
  window.told = 0;
  new MutationObserver((all) => all.forEach(({ addedNodes }) => (window.told += addedNodes.length)))
    .observe(document.getElementById("toasts"), { childList: true });
}"""


def test_only_one_of_two_windows_shows_the_toast(slow_console: Console, slow_page: Page) -> None:
    slow_console.wait_available("large")
    pages = [slow_page, slow_page.context.new_page()]
    pages[1].goto(slow_page.url)
    slow_console.hooks.slow_next_backup(LONG)
    slow_console.create_backup(slow_console.instance("large")["id"], "told-once")
    for page in pages:
        Sessions(page).open().expect_running(1)
        page.evaluate(COUNT_TOASTS)
    for page in pages:
        Sessions(page).expect_running(0)
    assert sorted(page.evaluate("window.told") for page in pages) == [0, 1]


HIDE = """hidden => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_idle_page_does_not_poll_and_catches_up_when_it_is_shown(
    slow_console: Console, slow_page: Page
) -> None:
    slow_console.wait_available("large")
    instances = InstanceManagement(slow_page).open()
    with slow_page.expect_response(re.compile("/activity/")):
        pass
    slow_page.evaluate(HIDE, True)
    asked: list[Request] = []
    slow_page.on("request", lambda request: asked.append(request) if "/activity/" in request.url else None)
    slow_console.post(f"/instances/{slow_console.instance('large')['id']}/restart/", {})
    slow_console.wait_available("large")
    instances.row("large").expect_status("Available")
    assert asked == []
    slow_page.evaluate(HIDE, False)
    instances.expect_toast("Instance “large” is restarted.")


def test_a_hidden_page_updates_its_title_and_shows_the_toast_later(slow_console: Console, slow_page: Page) -> None:
    slow_console.wait_available("large")
    slow_console.hooks.slow_next_backup(SHORT)
    slow_console.create_backup(slow_console.instance("large")["id"], "unseen")
    sessions = Sessions(slow_page).open()
    sessions.expect_running(1)
    slow_page.evaluate(HIDE, True)
    sessions.expect_running(0)
    sessions.expect_no_toast("unseen")
    slow_page.evaluate(HIDE, False)
    sessions.expect_toast("Backup “unseen” is complete.")


def test_a_page_reports_that_the_console_is_not_responding_until_it_is(slow_page: Page) -> None:
    sessions = Sessions(slow_page).open()
    slow_page.context.set_offline(True)
    sessions.expect_toast("The console is not responding.")
    slow_page.context.set_offline(False)
    expect(sessions._toast("The console is not responding.")).to_have_count(0, timeout=40_000)


def test_a_page_reports_that_no_agent_responds(slow_console: Console, slow_page: Page) -> None:
    sessions = Sessions(slow_page).open()
    sessions.expect_no_notice()
    agent = slow_console.pid_of("manage.py agent")
    os.kill(agent, signal.SIGSTOP)
    try:
        sessions.expect_notice("Host local is offline: its agent has stopped responding.")
        sessions.expect_notice("manage.py up")
        said = sessions._notices().inner_html()
        BackupManagement(slow_page).open().expect_notice("wait until its agent is back")
        assert sessions._notices().inner_html() == said
    finally:
        os.kill(agent, signal.SIGCONT)
    sessions.expect_no_notice()


def test_a_page_reports_when_a_server_is_down_and_when_it_is_back(slow_console: Console, slow_page: Page) -> None:
    instance = slow_console.create_instance("fragile")
    page = InstanceManagement(slow_page).open().row("fragile").open("fragile")
    data = slow_console.home / "instances" / instance["id"] / "data"
    data.rename(data.with_name("elsewhere"))
    server = next(pid for pid, line in slow_console.pids().items() if instance["id"] in line)
    os.kill(server, signal.SIGKILL)
    # The page was idle and does not poll by itself.
    page.expect_down("The data directory of the instance is missing.")
    page.expect_down("restore a backup to it")
    instances = InstanceManagement(slow_page).open()
    instances.row("fragile").expect_text("The database server is down.")
    data.with_name("elsewhere").rename(data)
    instances.row("fragile").expect_status("Available")
