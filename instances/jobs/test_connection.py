"""Test the connection to an existing deployment, and find out how its backups can be of one moment."""

import threading
from concurrent.futures import Future

from django.utils import timezone

from console.text.messages import Message, encode
from instances import engines
from instances.choices import Action, State, Step
from instances.engines.base import Access, EngineError
from instances.engines.deployment.testing_connection import Tested
from instances.jobs.places import access_of
from instances.models import Deployment, Instance, InstanceQuerySet, Job
from instances.queue.job import JobFailed, JobSteps, Parameters
from instances.queue.work import Work
from instances.reported import columns_of

# A deployment that has not answered everything by then is too slow to be of use.
LIMIT_SECONDS = 15.0


class TestConnection(JobSteps[Parameters, Tested]):
    parameters_type = Parameters

    def run(self, work: Work) -> Tested:
        work.begin(Step.CONNECT)
        testing = _Testing(access_of(self.instance), probe=self.instance.deployment.may_probe)
        try:
            # Wait in steps, so that a cancelled job ends even while the deployment is silent.
            work.wait(LIMIT_SECONDS, testing.require_unended)
        except _Ended:
            return testing.result()
        finally:
            testing.given_up = True
        raise JobFailed(Message("deployment.test_timed_out", seconds=int(LIMIT_SECONDS)))

    def completed(self, result: Tested) -> None:
        now = timezone.now()
        Deployment.objects.filter(pk=self.job.instance_id).update(
            tested=now,
            findings=[{"tone": each.tone, "message": encode(each.message)} for each in result.findings],
            ways=list(result.ways),
            certificate_expires=result.certificate_expires,
        )
        columns = {**columns_of(result.facts, now), "type": result.instance_type}
        Instance.objects.filter(pk=self.job.instance_id).update(**columns)
        self._idle().update(state=State.AVAILABLE, failure="")

    def failed(self, reason: str) -> None:
        """Leave a deployment that was never reached as Creation failed: it can be edited and tested again."""
        new = self._idle().filter(state__in=[State.CREATING, State.CREATION_FAILED])
        new.update(state=State.CREATION_FAILED, failure=reason)
        if not Job.objects.filter(pk=self.job.pk, interrupted=True).exists():
            known = self._idle().filter(state__in=[State.AVAILABLE, State.ABNORMAL])
            known.update(state=State.ABNORMAL, failure=reason)

    def cancelled(self, reason: str) -> None:
        """Let the watcher say how a deployment is that was reached before."""
        new = self._idle().filter(state__in=[State.CREATING, State.CREATION_FAILED])
        new.update(state=State.CREATION_FAILED, failure=reason)

    def _idle(self) -> InstanceQuerySet:
        return Instance.objects.filter(pk=self.job.instance_id).exclude(action__in=[Action.RESTORE, Action.DELETE])


class _Ended(Exception):
    """The test has ended."""


class _Testing:
    """A test in a thread of its own, because a driver may wait for longer than the job may last."""

    def __init__(self, access: Access, *, probe: bool) -> None:
        self.given_up = False
        self._tested: Future[Tested] = Future()
        threading.Thread(target=self._test, args=[access, probe], name="test-connection", daemon=True).start()

    def _test(self, access: Access, probe: bool) -> None:
        try:
            self._tested.set_result(engines.deployment().test(access, self._report, probe=probe))
        except BaseException as error:
            self._tested.set_exception(error)

    def _report(self, *_: object) -> None:
        if self.given_up:
            raise JobFailed(Message("deployment.test_timed_out", seconds=int(LIMIT_SECONDS)))

    def require_unended(self) -> None:
        if self._tested.done():
            raise _Ended

    def result(self) -> Tested:
        """Return the result. Raises JobFailed with the reason if the deployment cannot be reached."""
        try:
            return self._tested.result()
        except EngineError as error:
            raise JobFailed(str(error)) from error
