"""The pytest plugin: fixtures for tests against a real console. The package registers it as an entry point."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from console.testing.server import ConsoleServer
from console.testing.session import PASSWORD, USERNAME, Session

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="session")
def console_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleServer]:
    """Yield an empty console that all tests of the run share. It stops after the last test, and its home is deleted."""
    with ConsoleServer(tmp_path_factory.mktemp("console") / "home") as running:
        yield running


@pytest.fixture(scope="session")
def _browser_session(console_server: ConsoleServer) -> Session:
    return Session(console_server.url)


@pytest.fixture
def signed_in_page(console_server: ConsoleServer, _browser_session: Session, page: "Page") -> "Page":
    """Return Playwright's page with the administrator signed in. Requires pytest-playwright and an installed browser.

    The tests of a run share one session until a test ends it.
    """
    if not _browser_session.is_signed_in():
        _browser_session.sign_in(USERNAME, PASSWORD)
    cookies = _browser_session.cookie_values().items()
    page.context.add_cookies([{"name": name, "value": value, "url": console_server.url} for name, value in cookies])
    page.goto(console_server.url)
    return page
