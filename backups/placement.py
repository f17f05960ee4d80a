"""Which host's agent works on an archive: any agent reads a shared storage, only the archive's own reads a folder."""

from backups.models import Backup
from backups.storage.base import archive_storage
from instances.models import Host
from instances.services import least_loaded_host


def host_of_archive(backup: Backup) -> Host:
    """Return the host that verifies or deletes the archive: its own, or if that is offline another one that can."""
    if archive_storage().shared and backup.host.offline_since:
        return least_loaded_host()
    return backup.host


def host_of_restored(backup: Backup) -> Host:
    """Return the host that a new instance is restored on."""
    return least_loaded_host() if archive_storage().shared else backup.host
