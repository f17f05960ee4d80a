from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api._generated import Tracing

from console.testing.pages import InstanceManagement, SignIn
from tests import browser as installed
from tests.e2e.console import PASSWORD, Console
from tests.e2e.stage import Stage, staged
from tests.waiting import wait_for

expect.set_options(timeout=15_000)

# Hours (UTC) that tests must not run across: midnight starts a new day on the front page, and at 02:00 the backup
# window of every new instance opens.
TURNS = (0, 2)
TURN_SECONDS = 60.0


@pytest.fixture(autouse=True)
def not_across_a_turn_of_the_day() -> None:
    """If one of `TURNS` is less than `TURN_SECONDS` away, start the test after it."""
    wait_for(lambda: _until_turn(datetime.now(UTC)) > TURN_SECONDS, seconds=2 * TURN_SECONDS, because="the hour's turn")


def _until_turn(now: datetime) -> float:
    """Return the seconds until the next of `TURNS`."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    coming = (hour + timedelta(hours=ahead) for ahead in range(1, 25))
    return next((each - now).total_seconds() for each in coming if each.hour in TURNS)


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that tests share; each test creates its own instances in it."""
    with Console(tmp_path_factory.mktemp("console") / "home") as running:
        yield running


@pytest.fixture(scope="session")
def console_server(console: Console) -> Console:
    """Override the package's fixture with the console that is already running."""
    return console


@pytest.fixture(scope="session")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("tree") / "home") as running:
        yield running


@pytest.fixture
def tree(_tree: Console) -> Console:
    """A shared console for tests that kill or stop parts of it; it is running when each test begins.

    All tests together may kill one part at most four times: `up` treats five deaths within a minute as a crash loop.
    """
    if _tree.process.poll() is not None:
        _tree.output.clear()
        _tree.start()
    return _tree


@pytest.fixture
def fresh_console(tmp_path: Path) -> Iterator[Console]:
    """A console that only this test uses, for tests that kill parts of it."""
    with Console(tmp_path / "home") as running:
        yield running


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], browser_name: str) -> dict[str, Any]:
    if browser_name != "chromium":
        return browser_type_launch_args
    return {
        **browser_type_launch_args,
        "executable_path": installed.find() or pytest.fail(installed.MISSING),
        # Otherwise Chromium contacts Google's hosts at every start.
        "args": ["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Turn motion off: the browser redraws a page with moving parts 60 times a second."""
    return {**browser_context_args, "reduced_motion": "reduce"}


@pytest.fixture(scope="session", autouse=True)
def traces_without_film() -> Iterator[None]:
    """Record traces without screenshots, which take more processor time than the tests; keep the snapshots."""
    start = Tracing.start
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tracing, "start", lambda self, **options: start(self, **{**options, "screenshots": False}))
        yield


@pytest.fixture
def signed_in(signed_in_page: Page) -> Page:
    """A signed-in user's page that shows Instance Management."""
    InstanceManagement(signed_in_page).open()
    return signed_in_page


@pytest.fixture
def without_javascript(browser: Browser, console: Console) -> Iterator[Page]:
    """A signed-in user's page in a browser without JavaScript."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        SignIn(page).open(console.url).submit("admin", PASSWORD)
        yield page


@pytest.fixture(scope="session")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(browser, tmp_path_factory.mktemp("stage") / "home") as ready:
        yield ready


@pytest.fixture
def staged_page(stage: Stage, browser: Browser) -> Iterator[Page]:
    """A signed-in page of the staged console, in its own browser context."""
    with stage.new_context(browser) as context:
        yield context.new_page()
