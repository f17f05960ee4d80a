"""What becomes of an instance's backups when the instance is deleted."""

from typing import Any

from django.utils import timezone

from backups.jobs.parameters import BackupParameters
from backups.names import FINAL, timed_name
from backups.services.create import new_backup
from backups.services.delete import delete_automated, refuse_automated_in_use
from console.audit import audited as audit
from console.text.messages import Message
from instances.models import Instance, Job


def prepare(sender: object, *, instance: Instance, job: Job, final_backup: bool, **kwargs: Any) -> None:
    """Delete the automated backups now or, if the job has to make a final backup, once the job has made it.

    This is a receiver of instance_deleting. While a restoration or a verification uses an automated backup, raises
    Refused, which also stops the deletion of the instance.
    """
    if final_backup:
        refuse_automated_in_use(instance)
        _record_final_backup(instance, job)
    else:
        delete_automated(instance=instance, requested_by=job.requested_by)


def _record_final_backup(instance: Instance, job: Job) -> None:
    """Create the row of the backup that the job makes before it deletes the instance."""
    backup = new_backup(
        instance,
        instance=instance,
        name=timed_name(FINAL, instance.name, timezone.now()),
        description=Message("instance.final_backup"),
        job=job,
    )
    backup.save(force_insert=True)
    Job.objects.filter(pk=job.pk).update(parameters=BackupParameters.of(backup).to_json())
    audit.record("ddsCreateBackup", user=job.requested_by, resource=audit.resource_of(backup))
