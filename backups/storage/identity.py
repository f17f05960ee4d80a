"""Recognize the place of the console's archives by an id, because a wrong place looks like an empty one."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.module_loading import import_string

from backups.storage.base import ArchiveStorage, StorageFailed
from console.processes.durable import write_durably
from console.text.messages import Message

# The file or object with the place's id. A mount point whose disk is missing, or another prefix, lacks it.
ID_NAME = ".storage-id"


class IdentifiedStorage(ArchiveStorage):
    """A storage that works only in the place that was used first. Otherwise, operations raise StorageFailed.

    `remembered` is a file that keeps the place's id; None: any place is accepted. `expected` is the dotted path of a
    function that returns names of archives. If it returns any, a storage without a remembered id accepts only a place
    that has one of them. If the remembered file is empty, the storage accepts the place as it is.
    """

    def __init__(self, remembered: str | os.PathLike[str] | None = None, expected: str = "") -> None:
        self._remembered = Path(remembered) if remembered else None
        self._expected = expected

    def read_id(self) -> str:
        """Return the id that the place has; "" if it has none. Raises OSError."""
        raise NotImplementedError

    def write_id(self, fresh: str) -> str:
        """Give the place an id, unless another process was faster; return the one that it has then. Raises OSError."""
        raise NotImplementedError

    def has(self, name: str) -> bool:
        """Return whether the place has this archive. Raises OSError."""
        raise NotImplementedError

    def changed(self, remembered: Path) -> Message:
        """Return the reason why another place than the first is not used, and what to do about it."""
        raise NotImplementedError

    def require_there(self) -> str:
        """Return the place's id, "" if no id is needed. Raises StorageFailed if this is not the place used first.

        The first call stores the id.
        """
        if self._remembered is None:
            return ""
        known, found = _read(self._remembered), self.read_id()
        if known and known == found:
            return found
        if known or (known is None and not self._has_an_expected_archive()):
            raise StorageFailed(self.changed(self._remembered))
        found = found or self.write_id(secrets.token_hex(16))
        write_durably(self._remembered, found)
        return found

    @contextmanager
    def missing_here(self) -> Iterator[None]:
        """Raise StorageFailed instead of FileNotFoundError if this is not the place that had the file."""
        try:
            yield
        except FileNotFoundError:
            self.require_there()
            raise

    def _has_an_expected_archive(self) -> bool:
        """Return whether one of the expected archives is here, or none is expected."""
        names = import_string(self._expected)() if self._expected else []
        return not names or any(self.has(name) for name in names)


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
