"""The help of a page opens beside its heading, survives a refresh, and needs no JavaScript."""

from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from console.testing.pages import BackupManagement, Overview
from tests.e2e.stage import Stage


def test_it_opens_by_keyboard_and_a_refresh_keeps_it_open(staged_page: Page, stage: Stage) -> None:
    overview = Overview(staged_page).open()
    overview.help_button.focus()
    staged_page.keyboard.press("Enter")
    expect(overview.help).to_contain_text("This page shows what needs your attention")
    with staged_page.expect_response(lambda answer: urlsplit(answer.url).path == "/"):
        staged_page.evaluate("document.body.dispatchEvent(new Event('refresh'))")
    expect(overview.help).to_be_visible()
    staged_page.keyboard.press("Escape")
    expect(overview.help).to_be_hidden()


def test_it_is_beside_the_heading_at_every_width(staged_page: Page, stage: Stage) -> None:
    backups = BackupManagement(staged_page).open()
    backups.help_button.click()
    for width in (360, 768, 1024, 1180, 1280, 1440, 1920):
        staged_page.set_viewport_size({"width": width, "height": 800})
        heading = staged_page.get_by_role("heading", level=1).bounding_box()
        button, text = backups.help_button.bounding_box(), backups.help.bounding_box()
        assert heading and button and text
        assert 0 <= button["x"] - heading["x"] - heading["width"] < 24, width
        assert text["x"] >= 0 and text["x"] + text["width"] <= width, width
        assert 0 <= text["y"] - button["y"] - button["height"] < 24, width


def test_it_needs_no_javascript(browser: Browser, stage: Stage) -> None:
    with stage.new_context(browser, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/backups/")
        backups = BackupManagement(page).shown()
        backups.help_button.click()
        expect(backups.help).to_be_visible()
