"""Finds or installs a Chromium for the end-to-end tests."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import packages

# The shell without windows needs less than two thirds of the processor time.
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
    """The path of a Chromium on this machine: Playwright's own, else the distribution's; None if there is none."""
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    if own.exists():
        return str(own)
    return next((path for name in DISTRIBUTION_NAMES if (path := shutil.which(name))), None)


def others() -> list[str]:
    """Playwright's other browsers that are on this machine."""
    with sync_playwright() as playwright:
        found = {"firefox": playwright.firefox.executable_path, "webkit": playwright.webkit.executable_path}
    return [name for name, path in found.items() if Path(path).exists()]


def install() -> str:
    """Make sure that there is a browser and return its path. Ends the process with what to do if it cannot."""
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
