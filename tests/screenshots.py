"""Take the two screenshots in README.md again, from a real console: `python -m tests.screenshots`."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from console.testing.pages import InstanceManagement, Overview, SignIn
from tests import browser
from tests.e2e.console import PASSWORD, ROOT, Console
from tests.e2e.records import Records
from tests.waiting import wait_for

TARGET = ROOT / "static" / "readme"
SIZE = {"width": 1280, "height": 800}
LARGEST = 200_000
INSTANCE = "shop-01"
# A seeded console also has an offline host, which puts a banner on every page.
WITHOUT_THE_AWAY_HOST = """
from backups.models import Backup, Restoration
from instances.models import Host, Instance, Job
from console.testing.seed.instances import AWAY
rows = [Restoration.objects.filter(job__host=AWAY)]
for found in (*rows, *(model.objects.filter(host=AWAY) for model in (Backup, Job, Instance))):
    found.delete()
Host.objects.filter(name=AWAY).delete()
"""


def main() -> None:
    executable = browser.find() or sys.exit(browser.MISSING)
    TARGET.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="screenshots-") as directory,
        Console(Path(directory) / "home", CONSOLE_TEST_HOOKS="0") as console,
        sync_playwright() as playwright,
    ):
        console.manage("seed", "--instances", "5", "--backups", "70")
        console.manage("shell", "--no-imports", "-c", WITHOUT_THE_AWAY_HOST)
        console.wait_available(INSTANCE)
        chromium = playwright.chromium.launch(executable_path=executable)
        back_up(chromium, console)
        # The agent takes a sample once a minute.
        samples, begun = Records(console.environment, "backups_storagesample", "taken"), f"{datetime.now(UTC):%F %T}"
        wait_for(
            lambda: [row for row in samples.find() if row["data"] and row["taken"] > begun],
            seconds=90,
            because="the storage to be measured",
        )
        for scheme in ("light", "dark"):
            photograph(chromium, console, scheme)
        chromium.close()


def back_up(chromium: Browser, console: Console) -> None:
    """Make a backup, as the tour does."""
    with chromium.new_context() as context:
        page = context.new_page()
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        InstanceManagement(page).open().row(INSTANCE).create_backup().submit(name="before-upgrade")
        console.wait_backup("before-upgrade")
        console.wait_available(INSTANCE)


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
