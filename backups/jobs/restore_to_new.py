"""Restore a backup to a new instance."""

from backups.choices import RestorationStatus
from backups.jobs.parameters import RestoreToNewParameters
from backups.jobs.restoring import end_restoration, restoration_of, scratch_server, unpack
from instances import engines
from instances.choices import Action, State, Step
from instances.engines.base import EngineError
from instances.homes import instance_home
from instances.jobs.ports import start_on_free_port
from instances.models import Instance
from instances.queue.job import JobFailed, JobSteps, secret_of
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work


class RestoreToNewInstance(JobSteps[RestoreToNewParameters, None]):
    parameters_type = RestoreToNewParameters

    def run(self, work: Work) -> None:
        _restoration, backup, instance = restoration_of(self.job)
        home, tag = instance_home(instance.id), str(self.job.id)
        home.mkdir(mode=0o700)
        unpack(work, backup, engines.embedded().exchange.incoming(home, tag))
        work.begin(Step.PLACE)
        engines.embedded().exchange.place(home, tag)
        try:
            # The restored administrator has the backup's password. Replace it before any client can sign in with it.
            if password := secret_of(self.job):
                work.begin(Step.PASSWORD)
                with scratch_server(work, home) as server:
                    engines.embedded().set_password(server, password)
            work.begin(Step.START)
            start_on_free_port(work, instance)
        except (StartFailed, EngineError) as error:
            raise JobFailed(str(error)) from error

    def completed(self, result: None) -> None:
        end_restoration(self.job, RestorationStatus.COMPLETED)
        self._end_creating(state=State.AVAILABLE)

    def failed(self, reason: str) -> None:
        self._end_without_instance(RestorationStatus.FAILED, reason)

    def cancelled(self, reason: str) -> None:
        self._end_without_instance(RestorationStatus.CANCELLED, reason)

    def _end_without_instance(self, status: RestorationStatus, reason: str) -> None:
        end_restoration(self.job, status, reason)
        self._end_creating(state=State.CREATION_FAILED, failure=reason)

    def _end_creating(self, **columns: str) -> None:
        """Give the new instance its state, and end Checking restoration on the source."""
        Instance.objects.filter(pk=self.job.instance_id, state=State.CREATING).update(**columns)
        source = Instance.objects.filter(pk=self.parameters.source, action=Action.RESTORE_TO_NEW_INSTANCE)
        source.update(action=Action.NONE)

    def abandon(self, work: Work) -> None:
        work.servers.stop(self.job.instance_uid)

    def clean_up(self) -> None:
        engines.embedded().exchange.settle(instance_home(self.job.instance_uid), str(self.job.id), restored=False)
