"""A scratch server listens on loopback, whatever address instances listen on."""

from pathlib import Path

import pytest
from pytest_django import Settings

from instances.engines import embedded
from instances.engines.base import EngineError
from instances.engines.embedded import process, scratch_server


def test_a_scratch_server_is_on_loopback_whatever_the_address_of_instances(tmp_path: Path, settings: Settings) -> None:
    settings.CONSOLE_DB_BIND = "127.0.0.2"
    process.prepare(tmp_path / "home")
    with scratch_server.running(tmp_path / "home") as server:
        assert embedded().facts(server).engine == "SecantusDB"


def test_the_error_says_why_the_server_does_not_start(tmp_path: Path) -> None:
    process.prepare(tmp_path / "home")
    (process.data_dir(tmp_path / "home") / "WiredTiger.backup").write_bytes(b"nothing of the kind")
    with pytest.raises(EngineError, match="database files"), scratch_server.running(tmp_path / "home"):
        pass
