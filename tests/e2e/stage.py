"""A console that tests of pages share: it has a row of every kind and a real instance with a real backup."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, StorageState, ViewportSize

from console.testing.pages import SignIn
from tests.e2e import rows
from tests.e2e.console import PASSWORD, Console, connect
from tests.e2e.heartbeats import heartbeats

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 360, "height": 740}


@dataclass
class Stage:
    console: Console
    page: Page
    ids: dict[str, str]
    session: StorageState

    def open(self, path: str) -> Page:
        """Open the path in the shared page, which is signed in and has motion turned off."""
        self.page.set_viewport_size(WIDE)
        self.page.goto(self.console.url + path)
        return self.page

    def new_context(self, browser: Browser, **options: Any) -> BrowserContext:
        """Return a new browser context, signed in and without motion; its pages can open any path of the console."""
        chosen = {"viewport": WIDE, "base_url": self.console.url, "reduced_motion": "reduce", **options}
        return browser.new_context(storage_state=self.session, **chosen)


@contextmanager
def staged(browser: Browser, home: Path) -> Iterator[Stage]:
    # Turn motion off: during a transition a colour is not yet the final one.
    with (
        Console(home, CONSOLE_TEST_HOOKS="0") as console,
        browser.new_context(reduced_motion="reduce", viewport=WIDE, base_url=console.url) as context,
    ):
        real = console.create_instance(rows.REAL)
        with connect(real["port"]) as client:
            client["shop"]["orders"].insert_many([{"item": number} for number in range(20)])
        console.create_backup(real["id"], "rows-complete", "Before the upgrade")
        complete = console.wait_backup("rows-complete")
        console.wait_available(rows.REAL)
        ids = {**rows.make(console), "real": real["id"], "complete": complete["id"]}
        # Sign in last, so that no page shows toasts of the work above.
        page = context.new_page()
        page.set_default_timeout(15_000)
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        session = context.storage_state()
        # Do not share the browser's local storage with other contexts.
        session["origins"] = []
        with heartbeats(console, "elsewhere"):
            yield Stage(console, page, ids, session)
