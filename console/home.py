"""The console's home: the one directory that holds its state (database, key, instances, archives)."""

import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


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


def secret_key(home: Path) -> str:
    """Return the signing key kept in the home, made on first use with mode 0600."""
    path = home / "secret.key"
    if not path.exists():
        prepare(home)
        fresh = home / f".secret.key.{secrets.token_hex(8)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(64))
        try:
            # link() fails if a process that started at the same moment was first: both then read one key.
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    try:
        return path.read_text()
    except OSError as error:
        raise ImproperlyConfigured(f"the key {path} cannot be read ({error.strerror}).") from None
