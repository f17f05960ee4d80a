"""Fixtures for the tests of backup jobs: a console's home, and an engine without a server."""

from pathlib import Path

import pytest
from pytest_django import Settings

from instances import engines
from instances.homes import prepare_host
from tests.engines import FakeEngine


@pytest.fixture
def home(settings: Settings, folder: Path, tmp_path: Path) -> Path:
    """Return the home of a console whose archives are in its folder `backups`."""
    settings.CONSOLE_HOME = tmp_path
    prepare_host()
    return tmp_path


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Replace the database engine with the fake one."""
    made = FakeEngine()
    monkeypatch.setitem(engines.ENGINES, "embedded", made)
    return made
