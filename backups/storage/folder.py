"""The storage that keeps backups in a folder."""

import errno
import os
import shutil
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage

from backups.storage.base import NotEnoughSpace, require_flat
from backups.storage.identity import ID_NAME, IdentifiedStorage
from console.processes.durable import create_durably, sync_directory, write_durably
from console.text.messages import Message, Size

_CHUNK = 1024 * 1024


class FolderStorage(IdentifiedStorage, FileSystemStorage):
    """Files in one folder, synced to disk. The storage creates the folder when it first needs it.

    save() writes a file under a hidden name and renames it at the end. Options: `location`, the folder, and those of
    IdentifiedStorage: a folder whose disk is not mounted looks empty, and the console must then neither report archives
    missing nor write or delete any.
    """

    def __init__(
        self,
        location: str | os.PathLike[str],
        remembered: str | os.PathLike[str] | None = None,
        expected: str = "",
    ) -> None:
        FileSystemStorage.__init__(
            self, location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700
        )
        IdentifiedStorage.__init__(self, remembered, expected)

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
        with self.missing_here():
            return super().size(name)

    def open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with self.missing_here():
            return super().open(name, mode)

    def delete(self, name: str) -> None:
        self.require_there()
        super().delete(name)

    def read_id(self) -> str:
        try:
            return self._id_file.read_text().strip()
        except FileNotFoundError:
            return ""

    def write_id(self, fresh: str) -> str:
        self._id_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            create_durably(self._id_file, fresh)
        except FileExistsError:
            if not self.read_id():
                write_durably(self._id_file, fresh)
        return self.read_id()

    def has(self, name: str) -> bool:
        return Path(self.path(name)).exists()

    def changed(self, remembered: Path) -> Message:
        return Message("folder.changed", folder=self.location, file=remembered)

    @property
    def _id_file(self) -> Path:
        return Path(self.location) / ID_NAME

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
