from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api._generated import Tracing

from console.testing.pages import InstanceManagement
from tests import browser as installed
from tests.e2e.console import Console
from tests.e2e.stage import Stage, staged
from tests.waiting import wait_for

expect.set_options(timeout=15_000)

# Midnight, which ends today's column of the front page, and the window of every new instance, by their hours in UTC.
TURNS = (0, 2)
TURN_SECONDS = 60.0


@pytest.fixture(autouse=True)
def not_across_a_turn_of_the_day() -> None:
    """Begin a test that is about to run over such an hour after it instead."""
    wait_for(lambda: _until_turn(datetime.now(UTC)) > TURN_SECONDS, seconds=2 * TURN_SECONDS, because="the hour's turn")


def _until_turn(now: datetime) -> float:
    """The seconds until the next of these hours."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    coming = (hour + timedelta(hours=ahead) for ahead in range(1, 25))
    return next((each - now).total_seconds() for each in coming if each.hour in TURNS)


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that tests share; each makes instances of its own in it."""
    with Console(tmp_path_factory.mktemp("console") / "home") as running:
        yield running


@pytest.fixture(scope="session")
def console_server(console: Console) -> Console:
    """The package's fixture, on the console that is running anyway."""
    return console


@pytest.fixture(scope="session")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("tree") / "home") as running:
        yield running


@pytest.fixture
def tree(_tree: Console) -> Console:
    """A console that tests share which kill or stop parts of it; it runs when a test begins.

    For no more than four deaths of one part in all tests: `up` takes five within a minute for a loop.
    """
    if _tree.process.poll() is not None:
        _tree.output.clear()
        _tree.start()
    return _tree


@pytest.fixture
def fresh_console(tmp_path: Path) -> Iterator[Console]:
    """A console of the test's own, for tests that kill parts of it."""
    with Console(tmp_path / "home") as running:
        yield running


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], browser_name: str) -> dict[str, Any]:
    if browser_name != "chromium":
        return browser_type_launch_args
    return {
        **browser_type_launch_args,
        "executable_path": installed.find() or pytest.fail(installed.MISSING),
        # Chromium would look up its maker's hosts at every start.
        "args": ["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Without motion: the browser draws a page on which something moves 60 times a second."""
    return {**browser_context_args, "reduced_motion": "reduce"}


@pytest.fixture(scope="session", autouse=True)
def traces_without_film() -> Iterator[None]:
    """Leave the film out of traces: it takes more processor time than the tests. Their snapshots of each step stay."""
    start = Tracing.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tracing, "start", lambda self, **options: start(self, **{**options, "screenshots": False}))
        yield


@pytest.fixture
def signed_in(signed_in_page: Page) -> Page:
    """A page of a signed-in user on Instance Management."""
    InstanceManagement(signed_in_page).open()
    return signed_in_page


@pytest.fixture(scope="session")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(browser, tmp_path_factory.mktemp("stage") / "home") as ready:
        yield ready


@pytest.fixture
def staged_page(stage: Stage, browser: Browser) -> Iterator[Page]:
    """A page of the staged console, signed in, in a browser of its own."""
    with stage.new_context(browser) as context:
        yield context.new_page()
