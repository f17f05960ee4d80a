"""Restart an instance: stop its server and start it again."""

from instances.choices import Action, State, Step
from instances.jobs.ports import port_of
from instances.models import Instance, InstanceQuerySet
from instances.queue.job import JobFailed, JobSteps, Parameters
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work


class RestartInstance(JobSteps[Parameters, None]):
    parameters_type = Parameters

    def run(self, work: Work) -> None:
        instance = self.instance
        port = port_of(instance)
        work.report(10)
        work.begin(Step.STOP)
        work.servers.stop(instance.id)
        work.report(50)
        work.begin(Step.START)
        try:
            work.servers.start(instance, port)
        except StartFailed as error:
            raise JobFailed(str(error)) from error

    def completed(self, result: None) -> None:
        """Leave the state to the supervisor, which wrote Available when the server answered, or Abnormal if it died."""
        self._restarting().update(action=Action.NONE)

    def failed(self, reason: str) -> None:
        """Show Abnormal until the server answers: the supervisor keeps trying to start it."""
        self._restarting().update(action=Action.NONE, state=State.ABNORMAL, failure=reason)

    def _restarting(self) -> InstanceQuerySet:
        return Instance.objects.filter(pk=self.job.instance_id, action=Action.RESTART)
