"""Verify a backup."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from backups.jobs.parameters import BackupParameters
from backups.models import Backup
from backups.placement import host_of_archive
from backups.services.reread import reread
from console.accounts.roles import Permission
from console.audit.audited import audited
from console.text.refused import Refused
from instances.choices import JobKind
from instances.models import Job
from instances.queue.requests import enqueue


@audited("ddsVerifyBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
def verify_backup(*, backup: Backup, requested_by: User | None) -> Job:
    """Queue the job that restores the backup into a scratch server and counts its documents.

    Raises Refused if the backup is not Complete or is already being verified.
    """
    with transaction.atomic():
        job = enqueue(
            JobKind.VERIFY,
            host=host_of_archive(backup),
            instance=None,
            requested_by=requested_by,
            parameters=BackupParameters.of(backup),
        )
        taken = Backup.objects.restorable().filter(pk=backup.pk, verifying=False)
        if not taken.update(verifying=True, uses=F("uses") + 1, verify_job=job):
            raise Refused(reread(backup).verify_refusal)
    return job
