"""The pytest plugin: fixtures for tests against a real console. Registered as an entry point of the package."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from console.testing.server import ConsoleServer
from console.testing.session import PASSWORD, USERNAME

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="session")
def console_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleServer]:
    """A console with nothing in it, that the tests of a run share; it and its home are gone after the last one."""
    with ConsoleServer(tmp_path_factory.mktemp("console") / "home") as running:
        yield running


@pytest.fixture
def signed_in_page(console_server: ConsoleServer, page: "Page") -> "Page":
    """Playwright's page, with the administrator signed in. Needs pytest-playwright and a browser of Playwright's."""
    from console.testing.pages import SignIn

    SignIn(page).open(console_server.url).submit(USERNAME, PASSWORD)
    return page
