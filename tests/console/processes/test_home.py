"""The home of the console and the key in it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from console.management.commands.up import require_own_database
from console.processes import home, locks

ROOT = Path(__file__).resolve().parents[3]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_key_is_created_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    new = tmp_path / "new" / "home"
    key = home.secret_key(new)
    assert len(key) > 50
    assert home.secret_key(new) == key
    assert (mode(new), mode(new / "secret.key")) == (0o700, 0o600)
    assert [path.name for path in new.iterdir()] == ["secret.key"]


def test_a_new_key_is_on_the_disk_before_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut would leave an empty key otherwise, with which nothing that was sealed can be read."""
    sync, synced, names = os.fsync, [], []

    def fsync(descriptor: int) -> None:
        sync(descriptor)
        synced.append(os.fstat(descriptor).st_ino)
        names.append((tmp_path / "credentials.key").exists())

    monkeypatch.setattr(os, "fsync", fsync)
    home.credential_keys(tmp_path)
    # First the text, under another name, then the name.
    assert synced == [(tmp_path / "credentials.key").stat().st_ino, tmp_path.stat().st_ino]
    assert names == [False, True]


def test_of_two_processes_that_create_a_key_both_use_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, others = os.fsync, []

    def create_meanwhile(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", sync)
        others.append(home.secret_key(tmp_path))

    monkeypatch.setattr(os, "fsync", create_meanwhile)
    assert [home.secret_key(tmp_path)] == others
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_two_homes_have_two_keys(tmp_path: Path) -> None:
    assert home.secret_key(tmp_path / "a") != home.secret_key(tmp_path / "b")


def test_a_home_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="CONSOLE_HOME"):
        home.prepare(tmp_path / "file" / "home")


def test_a_key_whose_path_cannot_be_used_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="cannot be read or created"):
        home.secret_key(tmp_path / ("x" * 300))


def test_every_command_fails_with_one_sentence_if_the_home_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={
            **os.environ,
            "CONSOLE_HOME": str(tmp_path / "file" / "home"),
            "DJANGO_SETTINGS_MODULE": "console.settings",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_lock_is_held_until_its_file_is_closed(tmp_path: Path) -> None:
    first = locks.acquire(tmp_path / "lock")
    assert first is not None
    assert locks.acquire(tmp_path / "lock") is None
    first.close()
    again = locks.acquire(tmp_path / "lock")
    assert again is not None
    again.close()


@pytest.mark.django_db
def test_a_home_of_another_version_is_refused_with_one_sentence() -> None:
    require_own_database()
    MigrationRecorder(connection).record_applied("axes", "0001_initial")
    require_own_database()
    MigrationRecorder(connection).record_applied("instances", "0002_host_storage")
    with pytest.raises(CommandError, match=r"is of another version .* \(instances 0002_host_storage\): set"):
        require_own_database()
