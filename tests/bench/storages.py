"""Where a measured archive is: in a folder, by its path, or in a bucket of tests.s3, by its address."""

from backups.storage.base import ArchiveStorage
from backups.storage.folder import FolderStorage

# Of the archive that is measured.
NAME = "0123456789abcdef0123456789abcdefbr02.tar.zst"


def storage_at(place: str) -> ArchiveStorage:
    if not place.startswith("http://"):
        return FolderStorage(place)
    # Loaded only if it is wanted, as by the console.
    from tests.s3 import Bucket

    url, _, bucket = place.rpartition("/")
    return Bucket(url, bucket).storage()
