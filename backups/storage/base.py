"""The interface of a storage of backups, which folder.py and s3.py implement."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import Storage, storages


class NotEnoughSpace(Exception):
    """The storage has no room for a file. The message is a sentence for people."""


class StorageFailed(OSError):
    """An operation of a storage failed. The message follows the colon in a sentence for people."""


class Streamed(File):  # type: ignore[type-arg]
    """A file to save whose content is made as it is read: `at_most` bytes or fewer.

    A storage calls pulse() while it waits. pulse() may raise an exception to cancel.
    """

    def __init__(self, file: IO[bytes], name: str, *, at_most: int, pulse: Callable[[], None]) -> None:
        super().__init__(file, name)
        self.at_most, self.pulse = at_most, pulse


class ArchiveStorage(Storage):
    """A storage of backups without subdirectories. Every file in it is complete and durable.

    save() raises FileExistsError rather than overwrite a file or choose another name. A failed save leaves nothing. If
    a process is killed, its partial file stays hidden from readers until discard_partial() removes it. All methods
    raise OSError if they fail.
    """

    # True if every host of the console reads and writes the same files.
    shared = False

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """Return the name itself, because a backup's archive has one name."""
        return name

    def require_there(self) -> str:
        """Raise StorageFailed if this is not the storage that has the console's archives. Otherwise return its id."""
        raise NotImplementedError

    def discard_partial(self, name: str) -> None:
        """Remove the partial file of an interrupted save(). Call this only if no save() of the name can be running."""
        raise NotImplementedError

    def free_space(self) -> int | None:
        """Return the number of bytes that are free for archives, or None if the storage knows of no limit.

        Raises OSError if no archive can be written.
        """
        raise NotImplementedError

    def require_space(self, size: int) -> None:
        """Raise NotEnoughSpace if the storage knows that it has no room for `size` bytes."""

    def link(self, name: str, saved_as: str) -> str:
        """Return a URL from which a browser downloads the file as `saved_as`; "" if the storage has no URLs."""
        return ""


def archive_storage() -> ArchiveStorage:
    """Return the storage that settings.STORAGES names for backups."""
    return cast(ArchiveStorage, storages["backups"])


def require_flat(name: str) -> None:
    """Raise SuspiciousFileOperation unless the name is a visible file name without a directory."""
    if not name or name.startswith(".") or Path(name).name != name:
        raise SuspiciousFileOperation(f"{name!r} is not a name of a file in this storage.")
