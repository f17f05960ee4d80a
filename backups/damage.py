"""Record that a backup's archive is missing or damaged, or that it has proved whole again."""

import logging

from django.db import transaction

from backups import history
from backups.models import Backup

log = logging.getLogger(__name__)


def note_damage(backup: Backup, reason: str) -> None:
    """Mark the Complete backup's archive as missing or damaged. Call this only if the storage itself is well."""
    log.warning("The archive of backup %s is missing or damaged: %s", backup.pk, reason)
    _set(backup, reason)


def note_whole(backup: Backup) -> None:
    """Remove the mark. Call this only when Verify has succeeded."""
    _set(backup, "")


def _set(backup: Backup, damage: str) -> None:
    with transaction.atomic():
        if Backup.objects.restorable().filter(pk=backup.pk).exclude(damage=damage).update(damage=damage):
            history.note_newest(backup.instance_uid)
