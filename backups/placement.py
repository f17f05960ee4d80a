"""Choose the host that works on an archive: any host can read a shared storage, only the archive's own its folder."""

from django.conf import settings

from backups.models import Backup
from backups.storage.base import archive_storage
from instances.choices import EngineKind, InstanceType
from instances.models import Host, Instance, InstanceQuerySet
from instances.services import least_loaded_host


def host_of_archive(backup: Backup) -> Host:
    """Return the host that verifies or deletes the archive: its own, unless that is offline and the storage shared."""
    if archive_storage().shared and backup.host.offline_since:
        return least_loaded_host()
    return backup.host


def host_of_restored(backup: Backup) -> Host:
    """Return the host that a new instance is restored on."""
    return least_loaded_host() if archive_storage().shared else backup.host


def empty_targets(backup: Backup) -> InstanceQuerySet:
    """Return the deployments that the backup can be restored to if they are empty, which only their agent knows."""
    found = Instance.objects.available().filter(engine_kind=EngineKind.DEPLOYMENT).exclude(type=InstanceType.CLUSTER)
    return found if archive_storage().shared else found.filter(host=backup.host_id)


def newest_archives() -> list[str]:
    """Return the names of the newest archives that this host's storage should have, at most ten."""
    complete = Backup.objects.restorable()
    if not archive_storage().shared:
        complete = complete.filter(host=settings.CONSOLE_HOST)
    return [backup.archive_name for backup in complete.only("id").order_by("-started", "-id")[:10]]
