"""Restore a logical backup to an existing deployment that has no data."""

from backups.jobs import exchanging
from backups.jobs.restore_to_original import RestoreToOriginal
from backups.jobs.restoring import restoration_of
from instances.choices import State
from instances.models import Instance
from instances.queue.work import Work

# The job's progress, in percent, once everything is loaded.
_LOADED = 95


class RestoreToDeployment(RestoreToOriginal):
    """If the restoration fails, the deployment is empty again: it ends like a restoration over the original."""

    def run(self, work: Work) -> bool:
        _restoration, backup, instance = restoration_of(self.job)
        Instance.objects.filter(pk=instance.pk).update(state=State.RESTORE_FAILED)
        exchanging.restore_over(work, backup, instance, begin=0, end=_LOADED, empty=True)
        return True
