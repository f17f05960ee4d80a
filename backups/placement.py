"""Which host's agent works on an archive: only its own can read a folder, every one a storage that is shared."""

from backups.models import Backup
from backups.storage.base import archive_storage
from instances.models import Host
from instances.services import least_loaded_host


def host_of_archive(backup: Backup) -> Host:
    """Who verifies or deletes the archive: the host that made it, or, if that is offline, any other that can."""
    if archive_storage().shared and backup.host.offline_since:
        return least_loaded_host()
    return backup.host


def host_of_restored(backup: Backup) -> Host:
    """Where a new instance is made of the backup."""
    return least_loaded_host() if archive_storage().shared else backup.host
