"""What the pages cost a browser, and how quickly they update, measured with a real console and browser."""

import re
import statistics
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests import browser
from tests.bench.bench import Bench
from tests.bench.report import Row
from tests.e2e.bulk import fill
from tests.e2e.console import PASSWORD, Console


def rows(bench: Bench) -> Iterator[Row]:
    executable = browser.find()
    if executable is None:
        yield Row("Pages", "no browser on this machine")
        return
    with Console(bench.directory / "console", demo=True) as console, sync_playwright() as playwright:
        instance = console.wait_available("demo-cluster")
        fill(instance["port"], megabytes=5)
        chromium = playwright.chromium.launch(executable_path=executable)
        page = _signed_in(chromium, console)
        weight = _first_load(chromium, console, page.context.cookies())
        yield Row("First load of Instance Management, on the wire", f"{weight / 1000:.1f} KB", target="<= 84 KB")
        shown, finished = [], []
        for number in range(bench.runs):
            console.wait_available("demo-cluster")
            after_ok, after_end = _one_backup(page, console, instance["id"], f"bench-{number}")
            shown.append(after_ok)
            finished.append(after_end)
        yield Row("From OK to the new row", _ms(statistics.median(shown)), target="<= 200 ms")
        yield Row("From the job's end to Complete on the page", _ms(max(finished)), target="<= 1500 ms")
        chromium.close()


def _signed_in(chromium: Browser, console: Console) -> Page:
    page = chromium.new_page()
    page.goto(f"{console.url}/sign-in/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview", level=1).wait_for()
    return page


def _first_load(chromium: Browser, console: Console, cookies: Any) -> int:
    """Return the bytes, including headers, that a signed-in browser with an empty cache receives."""
    with chromium.new_context() as context:
        context.add_cookies(cookies)
        page = context.new_page()
        received: list[int] = []
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        page.goto(f"{console.url}/instances/", wait_until="networkidle")
        return sum(received)


# The page itself records when OK took effect and when the new row appeared, because the time that the browser driver
# needs to click and to look is not the console's.
_STOPWATCH = """name => {
    window.stopwatch = new Promise(done => {
        let submitted;
        document.addEventListener("submit", () => { submitted = performance.now(); }, { capture: true, once: true });
        const watch = new MutationObserver(() => {
            if (!submitted || !document.querySelector("#backup-list")?.textContent.includes(name)) return;
            watch.disconnect();
            requestAnimationFrame(() => done((performance.now() - submitted) / 1000));
        });
        watch.observe(document.body, { childList: true, subtree: true, characterData: true });
    });
}"""


def _one_backup(page: Page, console: Console, instance_id: str, name: str) -> tuple[float, float]:
    """Return the seconds from the click on OK to the row, and from the backup's end to Complete in the row."""
    page.goto(f"{console.url}/instances/{instance_id}/backups/")
    page.get_by_role("link", name="Create Backup").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Backup Name").fill(name)
    row = page.get_by_role("row").filter(has_text=re.compile(rf"\b{name}\b"))
    page.evaluate(_STOPWATCH, name)
    dialog.get_by_role("button", name="OK").click()
    shown: float = page.evaluate("window.stopwatch")
    row.filter(has_text="Complete").wait_for()
    now = time.time()
    ended = datetime.fromisoformat(console.backup(name)["ended"] + "+00:00")
    return shown, now - ended.timestamp()


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
