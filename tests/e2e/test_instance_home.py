"""The home of an instance in the browser: what it leads to, work in progress as it happens, and a restore by date."""

import re

import pytest
from playwright.sync_api import Page, expect

from console.testing.pages import InstanceHome, InstanceManagement
from tests.e2e.console import Console

WIDTHS = (360, 768, 1024, 1180, 1280, 1440, 1920)


@pytest.fixture(scope="module")
def instance(console: Console) -> dict[str, str]:
    return console.create_instance("at-home")


def test_it_leads_to_the_pages_of_the_instance_and_back(signed_in_page: Page, instance: dict[str, str]) -> None:
    home = InstanceManagement(signed_in_page).open().row("at-home").open("at-home")
    home.expect_status("Available")
    for go in (home.backups_and_restorations, home.basic_information, home.tasks):
        go().page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="at-home").click()
        home.shown()
    signed_in_page.set_viewport_size({"width": 360, "height": 740})
    home.backups_and_restorations()


def test_a_backup_is_seen_running_and_then_restored_by_its_date(
    signed_in_page: Page, console: Console, instance: dict[str, str]
) -> None:
    home = InstanceHome(signed_in_page, "at-home", instance["id"]).open()
    console.hooks.slow_next_backup(2_000_000)
    home.create_backup().submit(name="from-home")
    expect(home.list("In progress").get_by_role("progressbar")).to_be_visible()
    expect(home.fact("Last Backup")).to_contain_text("from-home", timeout=60_000)
    expect(home.list("In progress")).to_have_count(0)
    today = home.chart("Backups of the last 14 days").get_by_role("link").last
    expect(today).to_have_accessible_name(re.compile("Complete 1, Failed 0"))
    choice = home.restore()
    expect(choice.root.get_by_role("table").locator("[aria-current=date]")).to_be_focused()
    choice.choose("from-home").to_new("from-its-date")
    expect(home.list("Last restorations").first).to_contain_text("from-home to from-its-date")
    console.wait_available("from-its-date")


def test_the_home_fits_every_width(signed_in_page: Page, instance: dict[str, str]) -> None:
    page = InstanceHome(signed_in_page, "at-home", instance["id"]).open().page
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
