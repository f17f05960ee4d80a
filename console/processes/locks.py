"""Locks between processes of one host, which the kernel releases when their holder ends."""

import fcntl
import os
from pathlib import Path
from typing import IO

from django.utils.text import slugify


def acquire(path: Path) -> IO[str] | None:
    """Take the lock, or return None if another process has it. The lock is held while the returned file is open.

    A holder can write text into the file for the next holder to read.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def of_agent(home: Path, host: str) -> Path:
    """Return the path of the lock that the host's agent holds while it runs."""
    return home / f"agent-{slugify(host) or 'host'}.lock"


def of_up(home: Path) -> Path:
    """Return the path of the lock that `manage.py up` holds while it runs."""
    return home / "up.lock"


def write(lock: IO[str], text: str) -> None:
    """Write the text into the lock file, for the next holder."""
    lock.seek(0)
    lock.truncate()
    lock.write(text)
    lock.flush()
