"""Read a backup again, to find out why an action was refused."""

from backups.models import Backup
from console.text.messages import Message
from console.text.refused import Refused


def reread(backup: Backup) -> Backup:
    """Return the backup as it is now. Raises Refused if it has been deleted."""
    found = Backup.objects.shown().filter(pk=backup.pk).first()
    if found is None:
        raise Refused(Message("backup.gone"))
    return found
