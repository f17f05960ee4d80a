"""Reset the password of an instance's administrator, or create the administrator with it."""

from instances import engines
from instances.choices import Step
from instances.engines.base import EngineError
from instances.jobs.ports import server_of
from instances.models import Instance
from instances.queue.job import JobFailed, JobSteps, Parameters, secret_of
from instances.queue.work import Work


class ResetPassword(JobSteps[Parameters, None]):
    parameters_type = Parameters

    def run(self, work: Work) -> None:
        server, password = server_of(self.instance), secret_of(self.job)
        work.begin(Step.PASSWORD)
        try:
            engines.embedded().set_password(server, password)
        except EngineError as error:
            raise JobFailed(str(error)) from error

    def completed(self, result: None) -> None:
        Instance.objects.filter(pk=self.job.instance_id).update(password_set=True)

    def failed(self, reason: str) -> None:
        """Change nothing: the job may have failed before or after the server took the password."""
