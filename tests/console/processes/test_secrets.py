"""A sealed secret can be read only for its purpose and only with the key that sealed it."""

import base64
import os
from pathlib import Path

import pytest
from pytest_django import Settings

from console.processes import secrets
from console.processes.secrets import CannotUnseal


def key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.CONSOLE_HOME = tmp_path / "home"
    settings.CONSOLE_CREDENTIAL_KEYS = []
    return tmp_path / "home"


def test_a_secret_can_be_unsealed_only_for_the_same_purpose() -> None:
    token = secrets.seal("Pässwort-1", purpose="job 1")
    assert "ssw" not in token
    assert secrets.unseal(token, purpose="job 1") == "Pässwort-1"
    with pytest.raises(CannotUnseal):
        secrets.unseal(token, purpose="job 2")


def test_the_key_is_a_file_in_the_home_that_only_its_owner_can_read(home: Path) -> None:
    token = secrets.seal("text", purpose="")
    file = home / "credentials.key"
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    assert secrets.unseal(token, purpose="") == "text" and file.read_bytes() == before


@pytest.mark.parametrize("token", ["", "not a token", "gAAAAA"])
def test_text_that_is_not_sealed_is_rejected(token: str) -> None:
    with pytest.raises(CannotUnseal):
        secrets.unseal(token, purpose="")


def test_nothing_can_be_unsealed_without_the_key(home: Path) -> None:
    token = secrets.seal("text", purpose="")
    (home / "credentials.key").unlink()
    with pytest.raises(CannotUnseal):
        secrets.unseal(token, purpose="")


def test_the_first_key_seals_and_every_key_unseals(settings: Settings, home: Path) -> None:
    old, new = key(), key()
    settings.CONSOLE_CREDENTIAL_KEYS = [old]
    token = secrets.seal("text", purpose="")
    settings.CONSOLE_CREDENTIAL_KEYS = [new, old]
    assert secrets.unseal(token, purpose="") == "text"
    fresh = secrets.seal("text", purpose="")
    settings.CONSOLE_CREDENTIAL_KEYS = [new]
    assert secrets.unseal(fresh, purpose="") == "text"
    with pytest.raises(CannotUnseal):
        secrets.unseal(token, purpose="")
    assert not (home / "credentials.key").exists()
