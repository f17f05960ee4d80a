"""Edit the description of a backup."""

from django.contrib.auth.models import User

from backups.choices import BackupStatus
from backups.models import Backup
from backups.services.reread import reread
from console.accounts.roles import Permission
from console.audit.audited import accept_edit, audited
from console.text.changes import Values
from console.text.refused import Refused


@audited("ddsModifyBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def edit_description(
    *, backup: Backup, description: str, opened_with: Values | None = None, requested_by: User | None
) -> None:
    """Change the description.

    Raises Refused while the backup is being deleted, Changed if it is no longer `opened_with`, ValidationError if the
    description breaks its rule.
    """
    new = Backup(description=description)
    new.clean_fields(exclude=[field.name for field in Backup._meta.fields if field.name != "description"])
    present = Backup.objects.filter(pk=backup.pk).exclude(status=BackupStatus.DELETING)
    row = present.select_for_update().first()
    if row is None:
        raise Refused(reread(backup).edit_refusal)
    accept_edit(before=row.editable, after=new.editable, opened_with=opened_with)
    present.update(description=description)
