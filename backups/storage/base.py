"""What the console asks of the storage of its backups. folder.py and s3.py are the two kinds of storage."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import Storage, storages


class NotEnoughSpace(Exception):
    """The storage has no room for a file. The message is a sentence for people."""


class StorageFailed(OSError):
    """A storage did not do what it was asked. The message follows the colon in a sentence for people."""


class Streamed(File):  # type: ignore[type-arg]
    """A file to save that is made while it is read. It has `at_most` bytes or fewer.

    A storage calls pulse() while it waits, which may raise to give up.
    """

    def __init__(self, file: IO[bytes], name: str, *, at_most: int, pulse: Callable[[], None]) -> None:
        super().__init__(file, name)
        self.at_most, self.pulse = at_most, pulse


class ArchiveStorage(Storage):
    """A storage of backups: flat, and every file in it is complete and on the disk.

    save() raises FileExistsError rather than overwrite a file or choose another name. A save that fails leaves nothing.
    What a killed process leaves is hidden from readers until discard_partial() removes it. All methods raise OSError
    for what goes wrong.
    """

    # True if every host of the console reads and writes the same files.
    shared = False

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return the name itself, because a backup's archive has one name."""
        return name

    def discard_partial(self, name: str) -> None:
        """Remove what an interrupted save() of this name left. Call it only while no such save can be running."""
        raise NotImplementedError

    def free_space(self) -> int | None:
        """Return the bytes that are free for archives, or None if there is no limit that the storage knows of.

        Raises OSError if no archive can be written.
        """
        raise NotImplementedError

    def require_space(self, size: int) -> None:
        """Raise NotEnoughSpace if the storage knows that it has no room for `size` bytes."""

    def link(self, name: str, saved_as: str) -> str:
        """Return a URL where a browser gets the file under the name `saved_as`; empty if the storage has no URLs."""
        return ""


def archive_storage() -> ArchiveStorage:
    """Return the storage that settings.STORAGES names for backups."""
    return cast(ArchiveStorage, storages["backups"])


def require_flat(name: str) -> None:
    """Raise SuspiciousFileOperation unless the name is that of a visible file in a flat storage."""
    if not name or name.startswith(".") or Path(name).name != name:
        raise SuspiciousFileOperation(f"{name!r} is not a name of a file in this storage.")
