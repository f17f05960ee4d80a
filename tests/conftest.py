import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from django.utils import timezone, translation

from console.text import catalogues
from instances import hosts
from tests.factories import make_user

# An example takes as long as the machine is busy with other things.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")

HTMX = {"HX-Request": "true"}


# What a test that uses the console database asks pytest-django for.
_DATABASE = {"db", "transactional_db", "django_db_setup"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--with-database", action="store_true", help="only tests that use the console database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--with-database"):
        return
    using = [item for item in items if item.get_closest_marker("django_db") or _DATABASE & {*_fixtures(item)}]
    config.hook.pytest_deselected(items=[item for item in items if item not in using])
    items[:] = using


def _fixtures(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Give each worker a home of its own, which the processes that it starts inherit, inside this process's."""
    for number, spec in enumerate(specs):
        home = Path(os.environ["CONSOLE_HOME"]) / f"worker-{number}"
        home.mkdir(mode=0o700, exist_ok=True)
        spec.env["CONSOLE_HOME"] = str(home)


@pytest.fixture(scope="session", autouse=True)
def translations() -> None:
    """What `up` does at its start."""
    for directory in settings.LOCALE_PATHS:
        catalogues.compile_into(directory)


@pytest.fixture(autouse=True)
def english_and_utc() -> None:
    """What a test's requests activate stays active in its thread, as it does in a worker's."""
    translation.activate(settings.LANGUAGE_CODE)
    timezone.deactivate()


@pytest.fixture(autouse=True)
def hosts_are_found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pages find out of hosts once a second, tests change within one."""
    caches["lists"].clear()
    monkeypatch.setattr(hosts, "SHARED_SECONDS", 0)


@pytest.fixture
def user(db: None) -> User:
    return make_user()


@pytest.fixture
def plain(user: User) -> Client:
    """A browser without htmx, signed in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def htmx(user: User) -> Client:
    """A browser whose requests come from htmx, signed in."""
    client = Client(headers=HTMX)
    client.force_login(user)
    return client
