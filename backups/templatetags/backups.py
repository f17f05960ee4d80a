from collections.abc import Iterable
from uuid import UUID

from django import template

from backups.choices import BackupType
from backups.models import Backup
from instances.models import Instance, Job

register = template.Library()


@register.simple_tag
def backup_counts(instance: Instance) -> dict[str, int]:
    """How many backups of the instance its deletion keeps (manual) and takes along (automated)."""
    types = list(Backup.objects.filter(instance=instance).values_list("type", flat=True))
    return {"manual": types.count(BackupType.MANUAL), "automated": types.count(BackupType.AUTOMATED)}


@register.simple_tag
def backups_of(jobs: Iterable[Job]) -> dict[UUID, Backup]:
    """The backups that the jobs say they are about, by the jobs' ids; none for one that has gone. One query."""
    named = {job.id: job.parameters["backup"] for job in jobs if "backup" in job.parameters}
    found = Backup.objects.only("id", "name").in_bulk(set(named.values()))
    return {job: found[backup] for job, backup in named.items() if backup in found}


@register.filter
def of_job(backups: dict[UUID, Backup], job: Job) -> Backup | None:
    return backups.get(job.id)
