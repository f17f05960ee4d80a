"""The console's home: the one directory that holds its state (database, key, instances, archives)."""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from console.processes.durable import write_durably, written


def prepare(home: Path) -> None:
    """Create the home, readable by its owner only. Raises ImproperlyConfigured if it cannot be written."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        probe = home / ".writable"
        probe.touch(mode=0o600)
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"the console's home {home} cannot be written ({error.strerror}). "
            "Make it writable or set CONSOLE_HOME to another directory."
        ) from None


def provide_temporary_directory(home: Path) -> None:
    """Let this process and its children keep temporary files in the home if the system has no directory for them.

    SQLite and libraries need one, but a container's root may be read-only. Raises ImproperlyConfigured if the home
    cannot be written either.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        directory = home / "tmp"
        prepare(home)
        directory.mkdir(mode=0o700, exist_ok=True)
        os.environ["TMPDIR"] = str(directory)


def secret_key(home: Path) -> str:
    """Return the key in the home that signs sessions; create it on first use."""
    return _key(home / "secret.key", lambda: secrets.token_urlsafe(64))


def credential_keys(home: Path) -> list[str]:
    """Return the keys in the home that seal passwords, one a line; create one on first use."""
    return _key(home / "credentials.key", new_credential_key).split()


def new_credential_key() -> str:
    """Return a random key of 32 bytes in base64."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def write_credential_keys(home: Path, keys: Sequence[str]) -> None:
    """Replace the keys that seal passwords in one step that survives a crash. Raises OSError."""
    write_durably(home / "credentials.key", "".join(f"{key}\n" for key in keys), mode=0o600)


def _key(path: Path, make: Callable[[], str]) -> str:
    """Return the key in the file; create it with mode 0600 if missing. Raises ImproperlyConfigured if that fails."""
    try:
        if not path.exists():
            prepare(path.parent)
            _create(path, make())
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"the key {path} cannot be read or created ({error.strerror}).") from None


def _create(path: Path, key: str) -> None:
    # link() fails if another process that started at the same time was first: both then read the same key.
    with written(path, key, mode=0o600) as fresh, suppress(FileExistsError):
        path.hardlink_to(fresh)
