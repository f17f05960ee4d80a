"""Open the storage of a measured archive: a folder given by its path, or a tests.s3 bucket given by its URL."""

from backups.storage.base import ArchiveStorage
from backups.storage.folder import FolderStorage

# Name of the measured archive.
NAME = "0123456789abcdef0123456789abcdefbr02.tar.zst"


def storage_at(place: str) -> ArchiveStorage:
    if not place.startswith("http://"):
        return FolderStorage(place)
    # Imported only if needed, as in the console.
    from tests.s3 import Bucket

    url, _, bucket = place.rpartition("/")
    return Bucket(url, bucket).storage()
