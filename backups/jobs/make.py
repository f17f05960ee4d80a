"""Make a backup of an instance from its running server, or from the deployment that it stands for."""

from backups import outcome, reporting
from backups.jobs.archiving import Made, archive_made, make_archive, remove_unfinished
from backups.jobs.parameters import BackupParameters
from backups.models import Backup
from instances.jobs.places import place_of
from instances.queue.job import JobSteps
from instances.queue.work import Work


class MakeBackup(JobSteps[BackupParameters, Made]):
    parameters_type = BackupParameters

    def run(self, work: Work) -> Made:
        return make_archive(work, Backup.objects.get(job=self.job), place_of(self.instance))

    def completed(self, result: Made) -> None:
        archive_made(self.job, result)
        outcome.release_instance(self.job)
        reporting.backup_completed(self.job)

    def failed(self, reason: str) -> None:
        outcome.making_failed(self.job, reason)
        reporting.backup_failed(self.job, reason)

    def cancelled(self, reason: str) -> None:
        outcome.making_cancelled(self.job, reason)

    def clean_up(self) -> None:
        remove_unfinished(self.job)
