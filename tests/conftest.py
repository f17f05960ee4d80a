import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from django.utils import timezone, translation
from pytest_django import Settings

from console.text import catalogues
from instances import hosts
from tests.certificates import Authority
from tests.deployments import Deployment, Tls
from tests.factories import make_user

# The duration of an example depends on what else the machine is doing.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")

HTMX = {"HX-Request": "true"}


# Fixtures of pytest-django that tests of the console database request.
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
    """Give each worker its own home inside this process's home; the processes it starts inherit it."""
    for number, spec in enumerate(specs):
        home = Path(os.environ["CONSOLE_HOME"]) / f"worker-{number}"
        home.mkdir(mode=0o700, exist_ok=True)
        spec.env["CONSOLE_HOME"] = str(home)


@pytest.fixture(scope="session", autouse=True)
def translations() -> None:
    """Compile the translations, as `up` does when it starts."""
    for directory in django_settings.LOCALE_PATHS:
        catalogues.compile_into(directory)


@pytest.fixture(autouse=True)
def english_and_utc() -> None:
    """Reset language and time zone: what a request activates stays active in the thread, as in a real worker."""
    translation.activate(django_settings.LANGUAGE_CODE)
    timezone.deactivate()


@pytest.fixture(autouse=True)
def hosts_are_found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the one-second cache of hosts, because tests change hosts within a second."""
    caches["lists"].clear()
    monkeypatch.setattr(hosts, "SHARED_SECONDS", 0)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """Store archives in a folder of this test, and return the folder."""
    folder = tmp_path / "backups"
    options = {"BACKEND": "backups.storage.folder.FolderStorage", "OPTIONS": {"location": folder}}
    settings.STORAGES = {**settings.STORAGES, "backups": options}
    return folder


@pytest.fixture
def user(db: None) -> User:
    return make_user()


@pytest.fixture
def plain(user: User) -> Client:
    """Return a signed-in browser without htmx."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def htmx(user: User) -> Client:
    """Return a signed-in browser whose requests come from htmx."""
    client = Client(headers=HTMX)
    client.force_login(user)
    return client


@pytest.fixture(scope="session")
def shared_replica_set(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("replica-set")) as deployment:
        yield deployment


@pytest.fixture(scope="session")
def shared_standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("standalone"), replica_set=False) as deployment:
        yield deployment


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority") / "authority.pem")


@pytest.fixture(scope="session")
def shared_tls(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Deployment]:
    certificate = authority.issue("server", names=["localhost"], addresses=["127.0.0.1"])
    with Deployment(tmp_path_factory.mktemp("tls"), tls=Tls(authority, certificate)) as deployment:
        yield deployment


@pytest.fixture
def replica_set(shared_replica_set: Deployment) -> Deployment:
    """An existing deployment, a replica set, which is empty. A test that ends or pauses it starts one of its own."""
    shared_replica_set.clear()
    return shared_replica_set


@pytest.fixture
def standalone(shared_standalone: Deployment) -> Deployment:
    """An existing deployment, a standalone, which is empty."""
    shared_standalone.clear()
    return shared_standalone


@pytest.fixture
def with_tls(shared_tls: Deployment) -> Deployment:
    """An existing deployment, a replica set that serves only TLS, which is empty."""
    shared_tls.clear()
    return shared_tls
