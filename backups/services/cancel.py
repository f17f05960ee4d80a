"""Cancel a backup that is being made."""

from django.contrib.auth.models import User
from django.db import transaction

from backups import outcome
from backups.models import Backup
from backups.services.reread import reread
from console.accounts.roles import Permission
from console.audit.audited import audited
from console.text.messages import Message
from console.text.refused import Refused
from instances.queue import requests


@audited("ddsCancelBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def cancel_backup(*, backup: Backup, requested_by: User | None) -> None:
    """End the backup as Cancelled: at once if its job is queued, else at the job's next report. Raises Refused."""
    name = requested_by.get_username() if requested_by else Message("backup.the_console")
    with transaction.atomic():
        found = reread(backup)
        if found.cancel_refusal:
            raise Refused(found.cancel_refusal)
        assert found.job is not None
        if not requests.cancel(
            found.job, Message("backup.cancelled_by", name=name), cancelled=outcome.making_cancelled
        ):
            raise Refused(reread(backup).cancel_refusal)
