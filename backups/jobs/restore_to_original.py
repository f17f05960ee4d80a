"""Restore a backup to its original instance, optionally after a safety backup of the current data."""

import logging
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from backups import outcome
from backups.choices import RestorationStatus
from backups.jobs import exchanging
from backups.jobs.archiving import Made, archive_made, make_archive, remove_unfinished
from backups.jobs.parameters import BackupParameters
from backups.jobs.restoring import UNPACKED, end_restoration, restoration_of, scratch_server, unpack
from backups.models import Backup, Restoration
from backups.storage.base import NotEnoughSpace, archive_storage
from console.text.messages import Message
from instances import engines
from instances.choices import RESTORES_OVER, Action, EngineKind, JobStatus, State, Step
from instances.engines.base import EngineError, FilesInUse, Server
from instances.homes import instance_home, instance_homes
from instances.jobs.places import place_of
from instances.models import Instance, InstanceQuerySet, Job
from instances.queue.job import JobCancelled, JobFailed, JobSteps
from instances.queue.leases import require_lease
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work

log = logging.getLogger(__name__)

# The job's progress, in percent, once the current data is backed up.
_BACKED_UP = 95
# The same for a deployment, before the backup is loaded beside the data.
_DUMPED = 40


class RestoreToOriginal(JobSteps[BackupParameters, bool]):
    parameters_type = BackupParameters

    def run(self, work: Work) -> bool:
        """Return whether the administrator keeps its password, which only a running server can tell.

        As far as possible, do everything that can fail before touching the data.
        """
        restoration, backup, instance = restoration_of(self.job)
        if instance.is_deployment:
            self._restore_deployment(work, restoration, backup, instance)
            return True
        assert instance.port is not None
        engine = engines.embedded()
        home, tag = instance_home(instance.id), str(self.job.id)
        data_is_missing = not engine.files.data_dir(home).is_dir()
        if data_is_missing and restoration.safety_backup_id:
            raise JobFailed(Message("restore.nothing_to_back_up"))
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        unpack(work, backup, engine.exchange.incoming(home, tag))
        if restoration.safety_backup_id:
            work.begin(Step.SPACE)
            _require_room_for_backup(home)
        # Restoring hides this state until the job ends; then pages show it until a server answers.
        Instance.objects.filter(pk=instance.pk).update(state=State.RESTORE_FAILED)
        password_kept = not restoration.safety_backup_id and engine.keep_password(Server(instance.port, home))
        # Stop the server first, so that the safety backup has every write that it acknowledged.
        work.begin(Step.STOP)
        work.servers.stop(instance.id)
        if restoration.safety_backup_id:
            password_kept = self._back_up_first(work, home)
        work.report(_BACKED_UP)
        work.begin(Step.PLACE)
        try:
            # If the data is missing, there is nothing to go back to: the restored files stay even if the job fails.
            (engine.exchange.place if data_is_missing else engine.exchange.exchange)(home, tag)
            work.begin(Step.START)
            work.servers.start(instance, instance.port)
        except (StartFailed, FilesInUse) as error:
            raise JobFailed(Message("restore.not_started", why=error)) from error
        return password_kept

    def _restore_deployment(self, work: Work, restoration: Restoration, backup: Backup, instance: Instance) -> None:
        begin = 0.0
        if restoration.safety_backup_id:
            with self._safety_backup(work) as safety_backup:
                made = make_archive(work, safety_backup, place_of(instance), end=_DUMPED)
            self._keep(made)
            begin = _DUMPED
        Instance.objects.filter(pk=instance.pk).update(state=State.RESTORE_FAILED)
        exchanging.restore_over(work, backup, instance, begin=begin, end=_BACKED_UP)

    def _back_up_first(self, work: Work, home: Path) -> bool:
        """Back up the current data from a scratch server; return whether the administrator's password will be kept."""
        with self._safety_backup(work) as safety_backup:
            work.begin(Step.SCRATCH)
            with scratch_server(work, home) as server:
                made = make_archive(work, safety_backup, server, begin=UNPACKED, end=_BACKED_UP)
                password_kept = engines.embedded().keep_password(server)
        self._keep(made)
        return password_kept

    @contextmanager
    def _safety_backup(self, work: Work) -> Iterator[Backup]:
        """Yield the backup that is to be made first. Say so if it fails."""
        try:
            yield Backup.objects.get(job=self.job)
        except JobCancelled:
            raise
        except (JobFailed, StartFailed) as error:
            raise JobFailed(Message("restore.safety_backup_failed", why=error)) from error

    def _keep(self, made: Made) -> None:
        """Mark the safety backup as Complete."""
        assert self.job.token is not None
        with transaction.atomic():
            require_lease(self.job.token)
            archive_made(self.job, made)

    def completed(self, result: bool) -> None:
        end_restoration(self.job, RestorationStatus.COMPLETED)
        target = Instance.objects.filter(pk=self.job.instance_id)
        if not result:
            # The administrator now has the password from the backup, if any.
            target.update(password_set=None)
        target.filter(action=Action.RESTORE).update(action=Action.NONE, state=State.AVAILABLE, failure="")
        # The instance had no administrator whose password could be kept; the backup may have one.
        target.filter(password_set=False, engine_kind=EngineKind.EMBEDDED).update(password_set=None)

    def failed(self, reason: str) -> None:
        outcome.backup_failed(self.job, reason)
        self._end_unrestored(RestorationStatus.FAILED, reason)

    def cancelled(self, reason: str) -> None:
        outcome.backup_cancelled(self.job, reason)
        self._end_unrestored(RestorationStatus.CANCELLED, reason)

    def _end_unrestored(self, status: RestorationStatus, reason: str) -> None:
        """Leave the instance Restoring until clean_up() has put its old files back."""
        end_restoration(self.job, status, reason)
        target = Instance.objects.filter(pk=self.job.instance_id)
        target.filter(state=State.RESTORE_FAILED).update(failure=reason)
        if self.job.started is None:
            # The job was cancelled in the queue, so there is nothing to clean up.
            _end_restoring(target)

    def abandon(self, work: Work) -> None:
        """Stop the server if it has restored files, which clean_up() removes. With the old files, it keeps running."""
        if engines.embedded().exchange.exchanged(instance_home(self.job.instance_uid), str(self.job.id)):
            work.servers.stop(self.job.instance_uid)

    def clean_up(self) -> None:
        # Settle the instance first, so that it need not wait for an unreachable storage.
        instance = Instance.objects.filter(pk=self.job.instance_uid).first()
        if instance and instance.is_deployment:
            self._settle_deployment(instance)
        elif not _settle_files(self.job.instance_uid, self.job.pk):
            _end_restoring(Instance.objects.filter(pk=self.job.instance_uid))
        remove_unfinished(self.job)

    def _settle_deployment(self, instance: Instance) -> None:
        """End Restoring once the deployment has either its old data or the restored data, and say which."""
        tag = str(self.job.pk)
        _require_no_removal(instance.pk)
        try:
            restored = exchanging.settle(instance, tag)
        except (EngineError, JobFailed) as error:
            # Show what to do about it, such as to edit the connection.
            Instance.objects.filter(pk=instance.pk, action=Action.RESTORE).update(failure=str(error))
            raise
        _require_no_removal(instance.pk)
        failed = Job.objects.filter(pk=self.job.pk).exclude(status=JobStatus.COMPLETED).first()
        if failed and restored is not None:
            code = "deployment.restored_after_all" if restored else "deployment.restoration_undone"
            Restoration.objects.filter(job=failed).update(failure=Message(code, why=failed.failure))
        exchanging.forget(instance.id, tag)
        # A later restoration may have to be settled yet.
        if not engines.deployment().journaled(instance_home(instance.id)):
            _end_restoring(Instance.objects.filter(pk=instance.pk))

    @classmethod
    def sweep(cls, leave_alone: Collection[str]) -> None:
        """Settle the restorations whose agent died between the end of the job and its clean-up."""
        unsettled = []
        for home in instance_homes().iterdir():
            if engines.deployment().journaled(home):
                # The job's clean-up settles it when the deployment answers.
                unsettled.append(home.name)
            for tag in engines.embedded().exchange.tags(home):
                try:
                    _settle_files(home.name, uuid.UUID(tag))
                except (OSError, FilesInUse):
                    log.exception("The restoration %s of instance %s could not be settled.", tag, home.name)
                    Job.objects.filter(pk=tag).update(left_behind=True)
                    unsettled.append(home.name)
        here = Instance.objects.filter(host=settings.CONSOLE_HOST)
        _end_restoring(here.exclude(pk__in=[*unsettled, *leave_alone]))


def _require_room_for_backup(home: Path) -> None:
    """Raise JobFailed if there is no room for the safety backup. Call this while the server still runs."""
    try:
        archive_storage().require_space(engines.embedded().files.storage_bytes(home))
    except NotEnoughSpace as error:
        raise JobFailed(Message("restore.safety_backup_failed", why=error)) from error


def _require_no_removal(instance_id: str) -> None:
    """Raise JobFailed while the instance is being removed: the journal is put aside, and comes back if that fails."""
    if Instance.objects.filter(pk=instance_id, action=Action.DELETE).exists():
        raise JobFailed(Message("instance.deleting"))


def _settle_files(instance_id: str, job_id: uuid.UUID) -> bool:
    """Keep the restored files if the job is Completed, else put the old ones back. Return True for restored."""
    restored = Job.objects.filter(pk=job_id, status=JobStatus.COMPLETED).exists()
    engines.embedded().exchange.settle(instance_home(instance_id), str(job_id), restored=restored)
    return restored


def _end_restoring(instances: InstanceQuerySet) -> None:
    """End Restoring on the instances that have no queued or running restoration."""
    unended = Job.objects.unended().filter(kind__in=RESTORES_OVER, instance=OuterRef("pk"))
    instances.filter(~Exists(unended), action=Action.RESTORE).update(action=Action.NONE)
