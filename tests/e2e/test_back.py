"""The back button returns to the list as it was: filters, page, order and place."""

import re

from playwright.sync_api import Page, ViewportSize, expect

from tests.e2e.stage import Stage

SHORT: ViewportSize = {"width": 1280, "height": 400}


def test_from_a_backup_back_to_the_same_page_of_the_same_filtered_list(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.set_viewport_size(SHORT)
    page.goto(f"{stage.console.url}/backups/")
    page.get_by_role("searchbox").fill("rows-")
    expect(page).to_have_url(re.compile("q=rows-"))
    page.get_by_label("Status").select_option(label="Complete")
    expect(page).to_have_url(re.compile("status=COMPLETED"))
    page.get_by_role("link", name="10", exact=True).click()
    expect(page).to_have_url(re.compile("size=10"))
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("after="))
    address = page.url
    names = page.locator("tbody tr .name").all_inner_texts()
    link = page.get_by_role("row").nth(7).locator(".name a")
    link.scroll_into_view_if_needed()
    scrolled = page.evaluate("window.scrollY")
    assert scrolled > 0
    link.click()
    expect(page).to_have_url(re.compile("br02/$"))
    page.go_back()
    expect(page).to_have_url(address)
    assert page.locator("tbody tr .name").all_inner_texts() == names
    expect(page.get_by_role("searchbox")).to_have_value("rows-")
    expect(page.get_by_label("Status")).to_have_value("COMPLETED")
    page.wait_for_function(f"Math.abs(window.scrollY - {scrolled}) < 2")


def test_back_and_forward_through_what_was_filtered(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/backups/")
    page.get_by_role("link", name="Single Nodes").click()
    expect(page).to_have_url(re.compile(r"\?type=Single$"))
    page.get_by_label("Status").select_option(label="Failed")
    expect(page).to_have_url(re.compile("status=FAILED"))
    expect(page.get_by_role("row").filter(has_text="rows-")).to_have_count(1)
    page.go_back()
    expect(page.get_by_label("Status")).to_have_value("")
    expect(page.get_by_role("link", name="Single Nodes")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("row").filter(has_text="rows-many-05")).to_be_visible()
    page.go_forward()
    expect(page.get_by_label("Status")).to_have_value("FAILED")
    expect(page.get_by_role("row").filter(has_text="rows-")).to_have_count(1)


def test_a_dialog_is_no_step_of_the_way(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/instances/")
    page.get_by_role("link", name="Backup Management").click()
    page.get_by_role("searchbox").fill("rows-many-0")
    expect(page).to_have_url(re.compile("q=rows-many-0"))
    address = page.url
    page.get_by_role("link", name="Create Backup").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="rows-many-03", exact=True).click()
    expect(page.get_by_role("heading", name="rows-many-03")).to_be_visible()
    page.get_by_role("link", name="Restore", exact=True).click()
    expect(page.get_by_role("dialog", name="Restore Backup")).to_be_visible()
    page.keyboard.press("Escape")
    page.go_back()
    expect(page).to_have_url(address)
    expect(page.get_by_role("row").filter(has_text="rows-many-0")).to_have_count(10)


def test_the_size_of_pages_is_remembered(staged_page: Page, stage: Stage) -> None:
    page = staged_page
    page.goto(f"{stage.console.url}/backups/")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="10", exact=True).click()
    expect(page).to_have_url(re.compile("size=10"))
    page.goto(f"{stage.console.url}/backups/")
    expect(page.locator("tbody tr")).to_have_count(10)
    expect(page.get_by_role("link", name="10", exact=True)).to_have_attribute("aria-current", "true")
