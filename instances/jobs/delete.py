"""Delete an instance: stop its server and remove its files. An existing deployment is only forgotten."""

import logging
from collections.abc import Collection

from django.db.models import Exists, OuterRef

from instances import engines
from instances.choices import RESTORES_OVER, Action, EngineKind, State, Step
from instances.homes import instance_home, instance_homes
from instances.models import Instance, InstanceQuerySet, Job
from instances.queue.job import JobSteps, Parameters
from instances.queue.work import Work

log = logging.getLogger(__name__)


class DeleteInstance(JobSteps[Parameters, None]):
    parameters_type = Parameters

    def run(self, work: Work) -> None:
        work.report(10)
        self._remove(work)

    def _remove(self, work: Work) -> None:
        """Put the files aside, so that clean_up() can remove them for good or take them back.

        Nothing on an existing deployment is touched.
        """
        if not self.instance.is_deployment:
            work.begin(Step.STOP)
            work.servers.stop(self.instance.id)
            work.begin(Step.REMOVE)
        engines.embedded().files.put_aside(instance_home(self.instance.id))

    def completed(self, result: None) -> None:
        self._deleting().delete()

    def failed(self, reason: str) -> None:
        """Keep the instance: clean_up() takes its files back, and the supervisor starts its server again."""
        unsettled = Job.objects.filter(instance=OuterRef("pk"), kind__in=RESTORES_OVER, left_behind=True)
        # The clean-up of the restoration ends Restoring.
        self._deleting().filter(Exists(unsettled), engine_kind=EngineKind.DEPLOYMENT).update(action=Action.RESTORE)
        self._deleting().filter(state=State.AVAILABLE).update(state=State.ABNORMAL, failure=reason)
        self._deleting().update(action=Action.NONE)

    def clean_up(self) -> None:
        _settle_files(self.job.instance_uid)

    @classmethod
    def sweep(cls, leave_alone: Collection[str]) -> None:
        for aside in instance_homes().glob("*.deleted"):
            try:
                _settle_files(aside.stem)
            except OSError:
                # The agent retries at its next start.
                log.exception("The files of the deleted instance %s could not be removed.", aside.stem)

    def _deleting(self) -> InstanceQuerySet:
        return Instance.objects.filter(pk=self.job.instance_id, action=Action.DELETE)


def _settle_files(instance_id: str) -> None:
    """Remove the files that were put aside if the instance's row is gone, else take them back."""
    home = instance_home(instance_id)
    if Instance.objects.filter(pk=instance_id).exists():
        engines.embedded().files.take_back(home)
    else:
        engines.embedded().files.discard_aside(home)
