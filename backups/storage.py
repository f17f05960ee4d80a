"""The storage that keeps backups in a folder of the host."""

import errno
import os
import shutil
from pathlib import Path

from django.core.exceptions import SuspiciousFileOperation
from django.core.files import File
from django.core.files.storage import FileSystemStorage
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

_CHUNK = 1024 * 1024


class NotEnoughSpace(Exception):
    """Why the folder has no room for a file, as a sentence for people."""


class FolderStorage(FileSystemStorage):
    """Files in one folder, of which every one is whole and on the disk.

    save() writes under a temporary name and renames at the end, so no reader ever sees half a file; it raises
    FileExistsError rather than overwrite a file or choose another name; a save that fails leaves nothing. What a
    killed process leaves is hidden, and discard_partial() removes it. The folder is made when first needed.
    Options: `location`, the folder.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        super().__init__(location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name itself: a backup's archive has one name."""
        return name

    def path(self, name: str) -> str:
        """The folder is flat, and hidden names are those of unfinished files."""
        if not name or name.startswith(".") or Path(name).name != name:
            raise SuspiciousFileOperation(f"{name!r} is not a name of a file in this storage.")
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

    def discard_partial(self, name: str) -> None:
        """Remove what an interrupted save() of this name left; only while no such save can be running."""
        self._partial(name).unlink(missing_ok=True)

    def free_space(self) -> int:
        """The bytes that are free for archives. Raises OSError if none can be written there."""
        folder = Path(self.location)
        while not folder.exists():
            folder = folder.parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return shutil.disk_usage(folder).free

    def require_space(self, size: int) -> None:
        """Raise NotEnoughSpace unless the folder's disk has room for `size` bytes."""
        free = self.free_space()
        if free < size:
            raise NotEnoughSpace(
                _("The archive can take up to %(size)s, but only %(free)s are free in %(folder)s.")
                % {"size": filesizeformat(size), "free": filesizeformat(free), "folder": self.location}
            )

    def _save(self, name: str, content: "File[bytes]") -> str:
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


def sync_directory(directory: Path) -> None:
    """Put the names of the directory's files on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
