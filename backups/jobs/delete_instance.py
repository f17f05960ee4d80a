"""Delete an instance, after its final backup if its user wants one."""

from django.db import transaction

from backups import outcome
from backups.jobs.archiving import archive_made, make_archive, remove_unfinished
from backups.models import Backup
from backups.services.delete import delete_automated
from console.text.messages import Message
from console.text.refused import Refused
from instances.jobs.delete import DeleteInstance
from instances.jobs.places import place_of
from instances.jobs.ports import port_of
from instances.queue.job import JobCancelled, JobFailed
from instances.queue.leases import require_lease
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work

# The job's progress, in percent, once the final backup is complete.
_BACKED_UP = 90


class DeleteInstanceWithBackups(DeleteInstance):
    """While the job's backup is being made, nothing of the instance has been touched; afterwards it may be."""

    def run(self, work: Work) -> None:
        backup = Backup.objects.being_made().filter(job=self.job).first()
        if not backup:
            super().run(work)
            return
        self._back_up_first(work, backup)
        work.report(_BACKED_UP)
        self._remove(work)

    def _back_up_first(self, work: Work, backup: Backup) -> None:
        """Make the final backup, then delete the automated ones. Raises JobFailed or LeaseLost."""
        instance = self.instance
        try:
            if not instance.is_deployment:
                # An agent that has just started does not start the servers of instances that are being deleted.
                work.servers.start(instance, port_of(instance))
            made = make_archive(work, backup, place_of(instance), end=_BACKED_UP)
        except JobCancelled:
            raise
        except (JobFailed, StartFailed) as error:
            raise JobFailed(Message("instance.final_backup_failed", why=error)) from error
        assert self.job.token is not None
        with transaction.atomic():
            require_lease(self.job.token)
            archive_made(self.job, made)
        try:
            with transaction.atomic():
                require_lease(self.job.token)
                delete_automated(instance=instance, requested_by=self.job.requested_by)
        except Refused as refusal:
            raise JobFailed(str(refusal.message)) from refusal

    def failed(self, reason: str) -> None:
        if self._backing_up:
            outcome.making_failed(self.job, reason)
        else:
            super().failed(reason)

    def cancelled(self, reason: str) -> None:
        if self._backing_up:
            outcome.making_cancelled(self.job, reason)
        else:
            super().cancelled(reason)

    @property
    def _backing_up(self) -> bool:
        return Backup.objects.being_made().filter(job=self.job).exists()

    def clean_up(self) -> None:
        super().clean_up()
        remove_unfinished(self.job)
