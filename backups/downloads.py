"""Send an archive, whole or one range of it, with constant memory and a limit on simultaneous downloads."""

import re
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files import File

from backups.damage import note_damage
from backups.models import Backup
from backups.storage.base import archive_storage
from console.text.messages import Message
from console.text.refused import Refused

_CHUNK = 256 * 1024
# At most 18 digits: no file is larger, and Python refuses to convert very long numbers.
_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*\Z", re.IGNORECASE)


class ArchiveMissing(Refused):
    """The storage does not have the archive, or has a different file under its name."""


class StorageDown(Refused):
    """The storage cannot provide the archive at the moment."""


class TooManyDownloads(Refused):
    """This process is already sending as many downloads as it can."""


@dataclass(frozen=True)
class Source:
    """The source of an archive: its `url` if the storage has URLs, else the open `file` of `size` bytes."""

    url: str = ""
    size: int = 0
    file: "File[bytes] | None" = None


def open_archive(*, backup: Backup, requested_by: User | None) -> Source:
    """Find the archive of a Complete backup. The caller closes the source's file. Raises Refused.

    Mark the backup if its archive is missing or damaged.
    """
    if reason := backup.download_refusal:
        raise Refused(reason)
    try:
        return _find(backup)
    except ArchiveMissing as error:
        _note_damage(backup, str(error.message))
        raise


def _note_damage(backup: Backup, reason: str) -> None:
    # Another host's folder may have the archive.
    if archive_storage().shared or backup.host_id == settings.CONSOLE_HOST:
        note_damage(backup, reason)


def _find(backup: Backup) -> Source:
    storage, name = archive_storage(), backup.archive_name
    try:
        size = storage.size(name)
        if size != backup.size:
            raise ArchiveMissing(Message("archive.broken_size", name=name, found=size, size=backup.size))
        url = storage.link(name, backup.download_name)
        return Source(url=url) if url else Source(size=size, file=storage.open(name))
    except FileNotFoundError as error:
        raise ArchiveMissing(Message("download.elsewhere", name=name, host=backup.host_id)) from error
    except OSError as error:
        raise StorageDown(Message("archive.unreadable", why=error.strerror or error)) from error


def asked_range(header: str, size: int) -> range | None:
    """Return the bytes that a Range header asks for: empty if the file has none of them; None for the whole file.

    Ignores invalid headers and requests for several ranges, as RFC 9110, section 14.2, allows.
    """
    found = _RANGE.match(header)
    if not found or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


class Part:
    """A range of bytes of an archive, read as it is sent. close() closes the file and may be called at any time.

    Marks the backup if the archive ends before the range does.

    A part occupies one of the web server's threads until its client has received most of it. A process therefore opens
    at most as many parts as it has threads; the next one raises TooManyDownloads.
    """

    _open: "weakref.WeakSet[Part]" = weakref.WeakSet()
    _lock = threading.Lock()

    def __init__(self, backup: Backup, file: "File[bytes]", part: range) -> None:
        self._backup, self._file, self._left = backup, file, len(part)
        try:
            with self._lock:
                if len(self._open) >= settings.CONSOLE_WEB_THREADS:
                    raise TooManyDownloads(Message("download.too_many", count=len(self._open)))
                self._open.add(self)
            file.seek(part.start)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk: bytes = self._file.read(min(_CHUNK, self._left)) if self._left else b""
        self._left -= len(chunk)
        if not chunk:
            self.close()
            if self._left:
                _note_damage(self._backup, Message("archive.ends_early"))
            raise StopIteration
        return chunk

    def close(self) -> None:
        with self._lock:
            self._open.discard(self)
        self._file.close()
