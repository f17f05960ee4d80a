"""Test the connection to an existing deployment, and find out how its backups can be of one moment."""

import threading
from concurrent.futures import Future
from dataclasses import replace

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


class TestConnection(JobSteps[Parameters, tuple[Access, Tested]]):
    parameters_type = Parameters

    def run(self, work: Work) -> tuple[Access, Tested]:
        """Return the connection that was tested, and what the test found."""
        work.begin(Step.CONNECT)
        access = access_of(self.instance)
        testing = _Testing(access, probe=self.instance.deployment.may_probe)
        try:
            # Wait in steps, so that a cancelled job ends even while the deployment is silent.
            work.wait(LIMIT_SECONDS, testing.require_unended)
        except _Ended:
            return access, testing.result()
        finally:
            testing.given_up = True
        raise JobFailed(Message("deployment.test_timed_out", seconds=int(LIMIT_SECONDS)))

    def completed(self, result: tuple[Access, Tested]) -> None:
        access, tested = result
        # Lock in the order of the services.
        Instance.objects.select_for_update().filter(pk=self.job.instance_id).first()
        deployment = Deployment.objects.select_for_update().filter(pk=self.job.instance_id).first()
        if deployment is None or _without_ways(deployment.access()) != _without_ways(access):
            # The connection was edited meanwhile, and the test of the new one is queued.
            return
        now = timezone.now()
        Deployment.objects.filter(pk=self.job.instance_id).update(
            tested=now,
            findings=[{"tone": each.tone, "message": encode(each.message)} for each in tested.findings],
            ways=list(tested.ways),
            certificate_expires=tested.certificate_expires,
        )
        columns = {**columns_of(tested.facts, now), "type": tested.instance_type}
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


def _without_ways(access: Access) -> Access:
    """Return the connection alone: the ways are what a test finds."""
    return replace(access, ways=())


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
