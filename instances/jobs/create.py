"""Create an instance: start its server for the first time and set the administrator's password."""

from instances import demo_documents, engines
from instances.choices import InstanceType, State, Step
from instances.engines.base import EngineError, Server
from instances.homes import instance_home
from instances.jobs.parameters import CreateParameters
from instances.jobs.ports import start_on_free_port
from instances.models import Instance, InstanceQuerySet
from instances.queue.job import JobFailed, JobSteps, secret_of
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work


class CreateInstance(JobSteps[CreateParameters, None]):
    parameters_type = CreateParameters

    def run(self, work: Work) -> None:
        instance, home = self.instance, instance_home(self.instance.id)
        work.begin(Step.PREPARE)
        engines.embedded().files.prepare(home)
        work.report(10)
        work.begin(Step.START)
        try:
            server = Server(start_on_free_port(work, instance), home)
            work.report(60)
            if password := secret_of(self.job):
                work.begin(Step.PASSWORD)
                engines.embedded().set_password(server, password)
            if self.parameters.demo:
                work.begin(Step.DEMO)
                demo_documents.load(server, InstanceType(instance.type).value)
            if more := self.parameters.more_documents:
                work.begin(Step.DEMO)
                kind = InstanceType(instance.type).value
                demo_documents.load_more(server, kind, more, lambda loaded: work.report(60 + 39 * loaded / more))
        except (StartFailed, EngineError) as error:
            raise JobFailed(str(error)) from error

    def completed(self, result: None) -> None:
        self._creating().update(state=State.AVAILABLE, password_set=bool(self.job.secret))

    def failed(self, reason: str) -> None:
        self._creating().update(state=State.CREATION_FAILED, failure=reason)

    def abandon(self, work: Work) -> None:
        """Stop the server: an instance whose creation failed has none running."""
        work.servers.stop(self.job.instance_uid)

    def _creating(self) -> InstanceQuerySet:
        return Instance.objects.filter(pk=self.job.instance_id, state=State.CREATING)
