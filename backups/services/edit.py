"""Edit the description of a backup."""

from django.contrib.auth.models import User

from backups.choices import BackupStatus
from backups.models import Backup
from backups.services.reread import reread
from console.accounts.roles import Permission
from console.audit.audited import audited
from console.text.refused import Refused


@audited("ddsModifyBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def edit_description(*, backup: Backup, description: str, requested_by: User | None) -> None:
    """Change the description.

    Raises Refused while the backup is being deleted, ValidationError if the description breaks its rule.
    """
    edited = Backup(description=description)
    edited.clean_fields(exclude=[field.name for field in Backup._meta.fields if field.name != "description"])
    present = Backup.objects.filter(pk=backup.pk).exclude(status=BackupStatus.DELETING)
    if not present.update(description=description):
        raise Refused(reread(backup).edit_refusal)
