"""The storage that keeps backups in a folder."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage

from backups.storage.base import ArchiveStorage, NotEnoughSpace, StorageFailed, require_flat
from console.text.messages import Message, Size

_CHUNK = 1024 * 1024
# The file with the folder's id. If the disk is not mounted, the folder at the mount point lacks this file.
_ID_FILE = ".storage-id"


class FolderStorage(ArchiveStorage, FileSystemStorage):
    """Files in one folder, synced to disk. The storage creates the folder when it first needs it.

    save() writes a file under a hidden name and renames it at the end. Options: `location`, the folder, and
    `remembered`, a file that keeps the folder's id. If `remembered` is given, operations raise StorageFailed while the
    folder is not the one that was used first: a folder whose disk is not mounted looks empty, and the console must then
    neither report archives missing nor write or delete any.
    """

    def __init__(self, location: str | os.PathLike[str], remembered: str | os.PathLike[str] | None = None) -> None:
        FileSystemStorage.__init__(
            self, location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700
        )
        self._remembered = Path(remembered) if remembered else None

    def path(self, name: str) -> str:
        """Return the file's path. Raises SuspiciousFileOperation for subdirectories and hidden, unfinished files."""
        require_flat(name)
        return super().path(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return ([], the names of the finished files). A folder that does not exist yet is empty."""
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
        """Raise StorageFailed instead of FileNotFoundError if this is not the folder that had the file."""
        try:
            yield
        except FileNotFoundError:
            self.require_there()
            raise

    def require_there(self) -> None:
        """Raise StorageFailed if this is not the folder that was used first. The first call stores the folder's id."""
        if self._remembered is None:
            return
        known = _read(self._remembered)
        if not known:
            _write(self._remembered, self._own_id())
        elif _read(self._id_file) != known:
            raise StorageFailed(Message("folder.changed", folder=self.location, file=self._remembered))

    @property
    def _id_file(self) -> Path:
        return Path(self.location) / _ID_FILE

    def _own_id(self) -> str:
        """Return the folder's id. Create the id if the folder has none."""
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
            raise NotEnoughSpace(Message("folder.full", size=Size(size), free=Size(free), folder=self.location))

    def _save(self, name: str, content: "File[bytes]") -> str:
        self.require_there()
        final, partial = Path(self.path(name)), self._partial(name)
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The partial file is also a lock: of two saves under the same name, the second fails here.
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
    """Write the file atomically and sync it to disk."""
    fresh = path.with_name(f"{path.name}.new")
    with fresh.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Sync the names of the directory's files to disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
