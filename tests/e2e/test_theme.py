"""The theme and the time zone of the user's menu, in a browser with and without JavaScript."""

import pytest
from playwright.sync_api import Browser, Page, expect

from console.testing.pages import InstanceManagement, SignIn
from tests.e2e.console import Console

DARK = "getComputedStyle(document.documentElement).colorScheme"


@pytest.fixture
def password(console: Console) -> str:
    """The password of the user `themed`."""
    return console.manage("user", "themed", "--role", "read-only").split("Password:")[1].split()[0]


def test_theme_and_time_zone_follow_the_user_into_another_browser_without_javascript(
    console: Console, browser: Browser, password: str
) -> None:
    with browser.new_context(timezone_id="America/New_York", color_scheme="light") as first:
        page: Page = first.new_page()
        SignIn(page).open(console.url).submit("themed", password)
        instances = InstanceManagement(page).open()
        instances.choose_in_user_menu("Dark")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.evaluate(DARK) == "dark"
        instances.choose_time_zone("tokyo")
        instances.user_menu.click()
        expect(page.get_by_role("menuitem", name="Time zone Asia/Tokyo")).to_be_visible()
        expect(instances.user_menu_item("Dark")).to_have_attribute("aria-checked", "true")
    with browser.new_context(java_script_enabled=False, color_scheme="light") as second:
        page = second.new_page()
        SignIn(page).open(console.url).submit("themed", password)
        instances = InstanceManagement(page).open()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        instances.choose_in_user_menu("Light")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        instances.user_menu.click()
        page.get_by_role("menuitem", name="Time zone").click()
        field = page.get_by_role("combobox", name="Time Zone")
        expect(field).to_have_value("Asia/Tokyo")
        field.fill("")
        page.get_by_role("button", name="OK").click()
        instances.expect_toast("The time zone is set.")
