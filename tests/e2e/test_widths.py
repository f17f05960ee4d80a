"""At every width names have enough room, a backup's method is visible, and no page scrolls sideways."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from console.testing.pages import InstanceManagement, SignIn
from tests.e2e.console import PASSWORD, Console
from tests.e2e.heartbeats import heartbeats

WIDTHS = (360, 768, 900, 1024, 1180, 1280, 1366, 1440, 1536, 1920)
# The same as in long_rows.py. A name has at most 64 characters.
INSTANCE = "orders-of-the-shop-in-production-".ljust(64, "i")
HOST = "database-host-07.shop.example"
# Times are longest in a zone whose offset from UTC has minutes.
ZONE = "Asia/Kathmandu"

LISTS = ("/instances/", "/backups/", "/instances/{}/backups/", "/tasks/", "/audit/")

MEASURE = """() => {
  const page = document.scrollingElement, main = document.querySelector("main");
  const wrong = page.scrollWidth > page.clientWidth ? [`the page is ${page.scrollWidth} px wide`] : [];
  for (const table of document.querySelectorAll("main .table")) {
    const room = table.parentElement.clientWidth;
    if (table.offsetWidth > room) wrong.push(`a table is ${table.offsetWidth} px wide in ${room} px`);
    // A table down to 900 px, then cards.
    const cards = getComputedStyle(table).display !== "table";
    if (cards !== innerWidth < 900) wrong.push(cards ? "cards" : "no cards");
    const description = table.querySelector("td.description")?.clientWidth;
    if (innerWidth >= 1280 && description < 172) wrong.push(`${description} px for Description`);
    // Nothing reaches into the next cell.
    if (!cards) for (const node of table.querySelectorAll("td :is(.badge, time, .progress, .text-button, .tag)")) {
      const [inner, outer] = [node, node.closest("td")].map((each) => each.getBoundingClientRect());
      if (inner.width && inner.right > outer.right + 1) wrong.push(`${node.textContent} ends outside of its cell`);
    }
    // Of instances and of backups; those that are deleted are no links.
    for (const name of table.querySelectorAll("td:is(.name, .instance, .backup, .target) .cut > :is(a, span)")) {
      if (!/^(orders-of|before-the)/.test(name.textContent) || name.scrollWidth <= name.clientWidth) continue;
      if (name.clientWidth < 200) wrong.push(`${name.clientWidth} px for ${name.textContent}`);
    }
  }
  if (document.querySelector("main .sort-by")?.offsetWidth === 0) wrong.push("no Sort by");
  const beside = main.getBoundingClientRect(), left = beside.left - (innerWidth < 900 ? 0 : 208);
  const right = innerWidth - beside.right;
  if (Math.abs(left - right) > 16) wrong.push(`${left} px left of the page, ${right} px right of it`);
  for (const backup of document.querySelectorAll("[data-backup-id]")) {
    const shown = backup.innerText;
    const has = /(Manual|Automated|手动|自动)\\n+(Physical|物理)/.test(shown);
    if (!has) wrong.push(`no method below the type: ${shown}`);
  }
  return wrong;
}"""
HIDDEN = "(heads) => heads.filter((head) => !head.offsetParent).map((head) => head.textContent.trim())"


@dataclass
class Shown:
    """A console with one host, and a backup of every kind of the instance INSTANCE or of a deleted one."""

    console: Console
    instance: str
    session: StorageState

    @contextmanager
    def page(self, browser: Browser, locale: str) -> Iterator[Page]:
        with browser.new_context(
            storage_state=self.session, base_url=self.console.url, locale=locale, timezone_id=ZONE
        ) as context:
            page = context.new_page()
            # The first page reports the time zone to the server.
            page.goto("/")
            yield page


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with (
        Console(tmp_path_factory.mktemp("widths") / "home", CONSOLE_TEST_HOOKS="0") as console,
        browser.new_context() as context,
    ):
        page = context.new_page()
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        instance = console.create_instance(INSTANCE)
        run(console, "backups")
        session = context.storage_state()
        session["origins"] = []
        yield Shown(console, instance["id"], session)


@pytest.fixture
def second_host(shown: Shown) -> Iterator[None]:
    run(shown.console, "second_host")
    with heartbeats(shown.console, "elsewhere", HOST):
        yield
    run(shown.console, "no_second_host")


def run(console: Console, function: str) -> None:
    """Run a function of long_rows.py in the console's Django."""
    console.manage("shell", "--no-imports", "-c", f"from tests.e2e import long_rows; long_rows.{function}()")


def wrong(page: Page, path: str) -> list[str]:
    """Return the layout faults of the page at every width."""
    page.goto(f"{path}?size=50")
    expect(page.locator("main .table").first).to_be_visible()
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"{path} at {width} px: {line}" for line in page.evaluate(MEASURE)]
    return found


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_instances_of_one_host_fit(shown: Shown, browser: Browser, locale: str) -> None:
    with shown.page(browser, locale) as page:
        assert wrong(page, "/instances/") == []
        expect(page.get_by_role("columnheader", name=re.compile("^(Host|主机)$"))).to_have_count(0)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("path", ["/backups/", "/instances/{}/backups/"])
def test_backups_fit(shown: Shown, browser: Browser, path: str, locale: str) -> None:
    with shown.page(browser, locale) as page:
        assert wrong(page, path.format(shown.instance)) == []
        expect(page.locator("[data-backup-id]").first).to_be_visible()


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_every_list_with_several_hosts_fits(shown: Shown, second_host: None, browser: Browser, locale: str) -> None:
    with shown.page(browser, locale) as page:
        assert [line for path in LISTS for line in wrong(page, path.format(shown.instance))] == []


def test_columns_disappear_in_a_fixed_order(shown: Shown, second_host: None, browser: Browser) -> None:
    """Check that a column hidden at one width stays hidden at narrower ones."""
    with shown.page(browser, "en-US") as page:
        page.goto("/instances/")
        before: set[str] = set()
        gone = []
        for width in range(1920, 899, -10):
            page.set_viewport_size({"width": width, "height": 800})
            now = set(page.locator("main thead th").evaluate_all(HIDDEN))
            assert before <= now, f"at {width} px"
            gone += sorted(now - before)
            before = now
        assert gone == [
            "Storage Engine",
            "DB Engine Version",
            "Host",
            "Created",
            "Connection",
            "Next Backup",
            "Last Backup",
        ]


CHANGE = """() => {
  // A status changes to the longest, progress appears, and a row arrives.
  for (const table of document.querySelectorAll("main .table")) {
    const row = table.querySelector("tbody tr");
    for (const badge of row.querySelectorAll(".badge")) {
      badge.textContent = "Checking restoration of the longest";
      const progress = '<progress value="7" max="100"></progress><span>100 %</span>';
      badge.insertAdjacentHTML("afterend", `<div class="progress">${progress}</div>`);
    }
    table.tBodies[0].append(row.cloneNode(true));
  }
}"""
HEADS = """() => [...document.querySelectorAll("main .table th")].map((head) => {
  const { left, width } = head.getBoundingClientRect();
  return [head.textContent.trim(), left, width];
})"""


@pytest.mark.parametrize("path", LISTS)
def test_no_column_moves_when_a_row_changes_or_arrives(
    shown: Shown, second_host: None, browser: Browser, path: str
) -> None:
    with shown.page(browser, "en-US") as page:
        page.goto(f"{path.format(shown.instance)}?size=50")
        before = {}
        for width in (900, 1024, 1180, 1280, 1440, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            before[width] = page.evaluate(HEADS)
        page.evaluate(CHANGE)
        for width, heads in before.items():
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(HEADS) == heads, f"at {width} px"


def test_no_hole_is_left_above_the_restorations(shown: Shown, second_host: None, browser: Browser) -> None:
    with shown.page(browser, "en-US") as page:
        page.goto(f"/instances/{shown.instance}/backups/")
        title = page.get_by_role("heading", name="Restorations", exact=True)
        above = page.locator("main .table.backups")
        for width in (360, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            top, table = title.bounding_box(), above.bounding_box()
            assert top and table and top["y"] - table["y"] - table["height"] <= 48, f"at {width} px"


def test_the_notice_of_an_outage_is_one_line_at_every_width(shown: Shown, browser: Browser) -> None:
    run(shown.console, "second_host")
    run(shown.console, "outage")
    try:
        with shown.page(browser, "en-US") as page:
            instances = InstanceManagement(page).open()
            instances.expect_notice("offline")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                height = page.evaluate("document.querySelector('#notices .notice').offsetHeight")
                assert 0 < height <= 40, f"{height} px at {width} px"
            instances.unfold_notice()
            expect(page.get_by_text("Last heartbeat").first).to_be_visible()
    finally:
        run(shown.console, "no_second_host")
