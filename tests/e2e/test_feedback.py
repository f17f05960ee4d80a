"""What the console says of work while it goes on, and when it has ended, wherever in the console one is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from console.testing.pages import BackupDetail, BackupManagement, SignIn, TaskCenter
from tests.e2e.bulk import fill
from tests.e2e.console import PASSWORD, Console


@pytest.fixture(scope="module")
def slow_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console whose backups take a while, with the instance `large`."""
    home = tmp_path_factory.mktemp("slow") / "home"
    with Console(home, CONSOLE_BACKUP_BYTES_PER_SECOND="400000") as running:
        fill(running.create_instance("large")["port"], megabytes=4)
        yield running


@pytest.fixture
def slow_page(slow_console: Console, page: Page) -> Page:
    SignIn(page).open(slow_console.url).submit("admin", PASSWORD)
    return page


def test_progress_says_bytes_speed_and_time_left_where_there_is_work(slow_console: Console, slow_page: Page) -> None:
    slow_console.create_backup(slow_console.instance("large")["id"], "watched")
    backups = BackupManagement(slow_page).open()
    backups.row("watched").expect_progress("Copying the databases: ", " of ", "/s", " left of this step")
    TaskCenter(slow_page).open().row("Physical backup", "large").expect_progress("KB/s")
    BackupManagement(slow_page).open().row("watched").open("watched")
    detail = BackupDetail(slow_page, "watched").shown()
    detail.expect_progress("Writing the archive: ", "/s", "about ", " left")
    slow_console.wait_backup("watched")
