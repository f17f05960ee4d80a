"""Write files that survive a crash: each has either its old content or all of the new one."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The errors of link() in a file system without hard links.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


def write_durably(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write the file atomically and sync it to disk. `mode` is that of the file, before the umask."""
    with written(path, text, mode=mode) as fresh:
        fresh.replace(path)


def create_durably(path: Path, text: str) -> None:
    """Write the file like write_durably(), but raise FileExistsError if it exists.

    A file system without hard links cannot do both at once, so there an existing file is replaced.
    """
    with written(path, text) as fresh:
        try:
            path.hardlink_to(fresh)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            fresh.replace(path)


def sync_directory(directory: Path) -> None:
    """Sync the names of the directory's files to disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written(path: Path, text: str, *, mode: int = 0o666) -> Iterator[Path]:
    """Yield a synced file with the text beside `path`, under a name that no other process uses.

    Afterwards, the file is removed unless it was moved, and the directory is synced.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)
    sync_directory(path.parent)
