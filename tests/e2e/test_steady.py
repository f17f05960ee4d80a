"""The page stays where it is while the user works in it, although toasts and other floating elements come and go."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from console.testing.pages import BackupManagement, ListPage, Row
from tests.e2e.stage import Stage

HEIGHT = "document.documentElement.scrollHeight"
NEXT_FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def show_toast(page: Page) -> None:
    # As htmx does for an answer of the console.
    page.evaluate("document.dispatchEvent(new CustomEvent('toast', { detail: { message: 'Done.', tone: 'ok' } }))")
    expect(page.locator("[data-toast]")).to_be_visible()


def tick_a_row(page: Page) -> None:
    BackupManagement(page).tick("rows-failed")
    expect(page.get_by_role("form", name="Selected backups")).to_be_visible()


@pytest.fixture
def page(stage: Stage) -> Page:
    """A page that is higher than the window, without toasts."""
    page = stage.open("/backups/?size=50")
    page.evaluate("document.querySelectorAll('[data-toast-close]').forEach((close) => close.click())")
    return page


def scrolled(page: Page) -> int:
    page.evaluate(NEXT_FRAME)
    return int(page.evaluate("scrollY"))


def middle_row(page: Page) -> Row:
    rows = ListPage(page).rows("rows-")
    return Row(page, rows.nth(rows.count() // 2))


@pytest.mark.parametrize("floating", [show_toast, tick_a_row], ids=["toast", "selection bar"])
def test_no_item_of_a_menu_scrolls_the_page(page: Page, floating: Callable[[Page], None]) -> None:
    floating(page)
    row = middle_row(page)
    # The menu then ends where the toasts and the bar are, and it is above them.
    page.evaluate("scrollTo(0, 0)")
    row.root.evaluate("(node) => scrollBy(0, node.getBoundingClientRect().bottom - innerHeight + 200)")
    row.more.evaluate("(node) => node.click()")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    before = scrolled(page)
    box = page.locator(".menu:popover-open").bounding_box()
    assert box and box["y"] + box["height"] > 800 - 80, "the menu does not reach what the toast or the bar covers"
    page.keyboard.press("End")
    expect(page.get_by_role("menuitem").last).to_be_focused()
    assert scrolled(page) == before


def test_the_page_does_not_jump_when_its_last_toast_goes(page: Page) -> None:
    low = page.evaluate(HEIGHT)
    show_toast(page)
    high = page.evaluate(HEIGHT)
    page.evaluate("scrollTo(0, 100000)")
    before = scrolled(page)
    page.locator("[data-toast-close]").click()
    assert scrolled(page) == before and page.evaluate(HEIGHT) == high
    # The room for toasts goes as soon as the user no longer looks at it.
    page.evaluate("scrollBy(0, -300)")
    assert scrolled(page) == before - 300 and page.evaluate(HEIGHT) == low


def test_a_toast_that_goes_from_the_top_of_the_page_leaves_nothing(page: Page) -> None:
    low = page.evaluate(HEIGHT)
    show_toast(page)
    page.locator("[data-toast-close]").click()
    assert page.evaluate(HEIGHT) == low
