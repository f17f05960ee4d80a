"""What the console asks of the storage of its backups, and the one that is a folder. s3.py has the other."""

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from console.text.sentences import Size
from console.text.sentences import sentence as _

_CHUNK = 1024 * 1024
# Holds the folder's id: what tells the folder from an empty one where its disk should be mounted.
_ID_FILE = ".storage-id"


class NotEnoughSpace(Exception):
    """Why the storage has no room for a file, as a sentence for people."""


class StorageFailed(OSError):
    """Why a storage did not do what it was asked: what comes after the colon in a sentence for people."""


class Streamed(File):  # type: ignore[type-arg]
    """A file to save that is made while it is read.

    At most `at_most` bytes come. A storage that waits calls pulse() meanwhile, which may raise to give up.
    """

    def __init__(self, file: IO[bytes], name: str, *, at_most: int, pulse: Callable[[], None]) -> None:
        super().__init__(file, name)
        self.at_most, self.pulse = at_most, pulse


class ArchiveStorage(Storage):
    """The storage of the backups: flat, and every file in it is whole and safe.

    No reader ever sees half a file. save() raises FileExistsError rather than overwrite a file or choose another name;
    a save that fails leaves nothing, and what a killed process leaves is hidden until discard_partial() removes it.
    What goes wrong is an OSError.
    """

    # True if every host of the console reads and writes the same files.
    shared = False

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name itself: a backup's archive has one name."""
        return name

    def discard_partial(self, name: str) -> None:
        """Remove what an interrupted save() of this name left; only while no such save can be running."""
        raise NotImplementedError

    def free_space(self) -> int | None:
        """The bytes that are free for archives, None if nothing says. Raises OSError if none can be written."""
        raise NotImplementedError

    def require_space(self, size: int) -> None:
        """Raise NotEnoughSpace if it is known that there is no room for `size` bytes."""

    def link(self, name: str, saved_as: str) -> str:
        """An address where a browser gets the file under the name `saved_as`; "" if the storage has none to give."""
        return ""


def archive_storage() -> ArchiveStorage:
    """The storage of the backups."""
    return cast(ArchiveStorage, storages["backups"])


def require_flat(name: str) -> None:
    """Raise SuspiciousFileOperation unless it is the name of a file in a flat storage, and not hidden."""
    if not name or name.startswith(".") or Path(name).name != name:
        raise SuspiciousFileOperation(f"{name!r} is not a name of a file in this storage.")


class FolderStorage(ArchiveStorage, FileSystemStorage):
    """Files in one folder, synced to the disk. The folder is made when first needed.

    A file is written under a hidden name and renamed at the end. Options: `location`, the folder, and `remembered`, a
    file that keeps the folder's id. With it, StorageFailed is raised as long as the folder is another than the one that
    was used first: without its disk a folder looks empty, and then no archive is missing, and none is to be written, or
    deleted by not being there.
    """

    def __init__(self, location: str | os.PathLike[str], remembered: str | os.PathLike[str] | None = None) -> None:
        FileSystemStorage.__init__(
            self, location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700
        )
        self._remembered = Path(remembered) if remembered else None

    def path(self, name: str) -> str:
        """The folder is flat, and hidden names are those of unfinished files."""
        require_flat(name)
        return super().path(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """([], the names of the whole files): a folder that does not exist yet is empty."""
        if path not in ("", "."):
            raise FileNotFoundError(path)
        try:
            entries = list(Path(self.location).iterdir())
        except FileNotFoundError:
            return [], []
        return [], sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file())

    def exists(self, name: str) -> bool:
        if super().exists(name):
            return True
        self.require_there()
        return False

    def size(self, name: str) -> int:
        with self._missing_there():
            return super().size(name)

    def open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with self._missing_there():
            return super().open(name, mode)

    def delete(self, name: str) -> None:
        self.require_there()
        super().delete(name)

    @contextmanager
    def _missing_there(self) -> Iterator[None]:
        """That a file is missing is said of the folder that had it, and of no other."""
        try:
            yield
        except FileNotFoundError:
            self.require_there()
            raise

    def require_there(self) -> None:
        """Raise StorageFailed if this is not the folder that was used first. The first to ask makes it that one."""
        if self._remembered is None:
            return
        known = _read(self._remembered)
        if not known:
            _write(self._remembered, self._mark())
        elif _read(self._id_file) != known:
            raise StorageFailed(
                _(
                    "the folder %(folder)s is not the one that was used before; mount its disk, "
                    "or remove %(file)s to use it as it is"
                )
                % {"folder": self.location, "file": self._remembered}
            )

    @property
    def _id_file(self) -> Path:
        return Path(self.location) / _ID_FILE

    def _mark(self) -> str:
        """The folder's id, which it is given if it has none."""
        found = _read(self._id_file)
        if not found:
            found = secrets.token_hex(16)
            self._id_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._id_file, found)
        return found

    def discard_partial(self, name: str) -> None:
        self._partial(name).unlink(missing_ok=True)

    def free_space(self) -> int:
        self.require_there()
        folder = Path(self.location)
        while not folder.exists():
            folder = folder.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
            number = errno.EROFS if read_only else errno.EACCES
            raise OSError(number, os.strerror(number), str(folder))
        return shutil.disk_usage(folder).free

    def require_space(self, size: int) -> None:
        free = self.free_space()
        if free < size:
            raise NotEnoughSpace(
                _("The archive can take up to %(size)s, but only %(free)s are free in %(folder)s.")
                % {"size": Size(size), "free": Size(free), "folder": self.location}
            )

    def _save(self, name: str, content: "File[bytes]") -> str:
        self.require_there()
        final, partial = Path(self.path(name)), self._partial(name)
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The partial file is also the lock: of two saves of one name, the second ends here.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in content.chunks(_CHUNK):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if final.exists():
                raise FileExistsError(f"{final} exists already.")
            partial.rename(final)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        try:
            sync_directory(final.parent)
        except BaseException:
            final.unlink(missing_ok=True)
            raise
        return name

    def _partial(self, name: str) -> Path:
        final = Path(self.path(name))
        return final.with_name(f".{final.name}.part")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    """All of it or nothing, on the disk."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Put the names of the directory's files on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
