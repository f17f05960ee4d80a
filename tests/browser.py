"""Find or install Chromium for the end-to-end tests."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import packages

# The headless shell needs less than two thirds of the processor time.
DISTRIBUTION_NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
MISSING = """No browser for the end-to-end tests, and none could be installed. Do one of these and run the tests again:
  .venv/bin/playwright install chromium     (downloads Playwright's own)
  apt-get install chromium-headless-shell   (as root, on Debian; on Ubuntu it is chromium)"""


def find() -> str | None:
    """Return the path of a Chromium on this machine: Playwright's, else the distribution's, else None."""
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if own.exists():
        return str(own)
    return next((path for name in DISTRIBUTION_NAMES if (path := shutil.which(name))), None)


def others() -> list[str]:
    """Return Playwright's other browsers that this machine has."""
    with sync_playwright() as playwright:
        found = {"firefox": playwright.firefox.executable_path, "webkit": playwright.webkit.executable_path}
    return [name for name, path in found.items() if Path(path).exists()]


def install() -> str:
    """Install a browser if needed and return its path. If that fails, exit with a message that says what to do."""
    if found := find():
        return found
    print("Installing a browser for the end-to-end tests.", flush=True)
    for attempt in (_download, _install_package):
        if attempt() and (found := find()):
            return found
    sys.exit(MISSING)


def _download() -> bool:
    return packages.succeeds([sys.executable, "-m", "playwright", "install", "chromium"])


def _install_package() -> bool:
    return packages.install("chromium-headless-shell") or packages.install("chromium")
