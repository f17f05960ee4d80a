"""Test hooks on a real console: each hook acts through production code."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from console.testing.hooks import HookRefused
from console.testing.pages import BackupManagement, InstanceManagement
from tests.e2e.console import Console
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def clear(console: Console) -> Iterator[None]:
    yield
    console.hooks.clear()


def test_a_slowed_backup_can_be_watched_and_cancelled_and_the_next_is_fast(
    signed_in_page: Page, console: Console
) -> None:
    console.create_instance("slowed")
    console.hooks.slow_next_backup(1_000_000)
    instances = InstanceManagement(signed_in_page).open()
    expect(signed_in_page.get_by_role("complementary", name="Test hooks")).to_contain_text("1000000 bytes per second")
    instances.row("slowed").create_backup().submit(name="slow-one")
    backups = BackupManagement(signed_in_page).open()
    row = backups.row("slow-one")
    console.wait_running("backup")
    assert row.status == "BUILDING"
    row.cancel()
    row.expect_status("Cancelled")
    console.wait_available("slowed")
    backups.create_backup().choose(type="Replica set", instance="slowed").submit(name="quick-one")
    backups.row("quick-one").expect_status("Complete")


def test_a_backup_fails_at_the_chosen_point(signed_in_page: Page, console: Console) -> None:
    console.create_instance("doomed")
    console.hooks.fail_next_backup(at=40)
    InstanceManagement(signed_in_page).open().row("doomed").create_backup().submit(name="doomed-one")
    row = BackupManagement(signed_in_page).open().row("doomed-one")
    row.expect_status("Failed")
    row.expect_text("A test made this backup fail at 40 %.")
    console.wait_available("doomed")
    assert not console.archive(console.backup("doomed-one")).exists()
    assert not list((console.home / "staging").iterdir())


def test_the_next_window_runs_when_the_clock_is_moved_to_it(console: Console) -> None:
    instance = console.create_instance("tomorrow", windows=True)
    console.hooks.move_to_next_window(instance["id"])
    (backup,) = wait_for(lambda: console.automated(instance), because="the backup of the window")
    console.wait_backup(backup["name"])


def test_a_status_set_by_a_hook_applies_until_it_is_set_back(signed_in_page: Page, console: Console) -> None:
    instance = console.create_instance("held-up")
    instances = InstanceManagement(signed_in_page).open()
    row = instances.row("held-up")
    console.hooks.set_status(row, "abnormal")
    instances.open()
    row.expect_status("Abnormal")
    refused = console.submit_backup(instance["id"], "not-now")
    assert refused.status == 422 and "Abnormal" in refused.text
    console.hooks.set_status(row, "normal")
    instances.open()
    row.expect_status("Available")


def test_a_rejected_value_raises_an_error_with_the_reason(console: Console) -> None:
    with pytest.raises(HookRefused, match="bytes_per_second"):
        console.hooks.slow_next_backup(0)


def test_a_console_without_test_hooks_has_no_urls_for_them(tmp_path: Path) -> None:
    with Console(tmp_path / "home", CONSOLE_TEST_HOOKS="0") as plain:
        with pytest.raises(HookRefused, match="CONSOLE_TEST_HOOKS=1"):
            plain.hooks.move_clock(hours=1)
        assert "Test hooks" not in plain.get("/instances/").text


def test_up_refuses_test_hooks_if_other_machines_can_reach_them(tmp_path: Path) -> None:
    open_to_all = Console(tmp_path / "home", CONSOLE_BIND="0.0.0.0")  # noqa: S104
    with pytest.raises(AssertionError, match="CONSOLE_TEST_HOOKS=1 is for a console that only this machine can reach"):
        open_to_all.start()


def test_the_banner_makes_no_page_taller_than_the_window(signed_in_page: Page) -> None:
    """Check that the banner adds no height: a page that scrolls moves the target of a click."""
    page = InstanceManagement(signed_in_page).open().page
    expect(page.get_by_text("Test hooks are on")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 1600})
    assert page.evaluate("document.scrollingElement.scrollHeight") == 1600
