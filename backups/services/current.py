"""The backup as it is now, for the reason of a refusal."""

from backups.models import Backup
from console.text.refused import Refused
from console.text.sentences import sentence as _


def current(backup: Backup) -> Backup:
    """Return the backup as it is now. Raises Refused if it has been deleted."""
    found = Backup.objects.shown().filter(pk=backup.pk).first()
    if found is None:
        raise Refused(_("The backup no longer exists."))
    return found
