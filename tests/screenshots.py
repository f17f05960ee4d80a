"""Makes README's two screenshots anew: `python -m tests.screenshots`. What they show is a real console."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from console.testing.pages import InstanceManagement, Overview, SignIn
from tests import browser
from tests.e2e.console import PASSWORD, ROOT, Console
from tests.waiting import wait_for

TARGET = ROOT / "static" / "readme"
SIZE = {"width": 1280, "height": 800}
LARGEST = 200_000


def main() -> None:
    executable = browser.find() or sys.exit(browser.MISSING)
    TARGET.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-") as directory,
        Console(Path(directory) / "home", demo=True) as console,
        sync_playwright() as playwright,
    ):
        console.manage("seed", "--backups", "60")
        for name in ("demo-cluster", "demo-replica-set", "demo-single-node"):
            console.wait_available(name)
        # The agent measures once a minute.
        measured = "SELECT 1 FROM backups_storagesample WHERE data > 0 AND taken > datetime('now', '-1 minute')"
        wait_for(lambda: console.query(measured), seconds=90, because="the storage to be measured")
        chromium = playwright.chromium.launch(executable_path=executable)
        back_up(chromium, console)
        for scheme in ("light", "dark"):
            photograph(chromium, console, scheme)
        chromium.close()


def back_up(chromium: Browser, console: Console) -> None:
    """As the tour does it."""
    with chromium.new_context() as context:
        page = context.new_page()
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        InstanceManagement(page).open().row("demo-replica-set").create_backup().submit(name="first-backup")
        console.wait_backup("first-backup")
        console.wait_available("demo-replica-set")


def photograph(chromium: Browser, console: Console, scheme: str) -> None:
    with chromium.new_context(color_scheme=scheme, viewport=SIZE, reduced_motion="reduce") as context:  # type: ignore[arg-type]
        page = context.new_page()
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        Overview(page).shown()
        page.wait_for_load_state("networkidle")
        page.mouse.move(0, 0)
        path = TARGET / f"{scheme}.png"
        path.write_bytes(page.screenshot(animations="disabled"))
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} KB")
        assert path.stat().st_size < LARGEST, "too large for a README"


if __name__ == "__main__":
    main()
