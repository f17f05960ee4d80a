"""Restore a backup to a new instance."""

import shutil
from pathlib import Path

from backups.choices import RestorationStatus
from backups.jobs.parameters import RestoreToNewParameters
from backups.jobs.restoring import end_restoration, load_dump, restoration_of, scratch_server, unpack
from backups.models import Backup, Restoration
from console.text.messages import Message
from instances import engines
from instances.choices import Action, State, Step
from instances.engines.base import EngineError, Server
from instances.homes import instance_home
from instances.jobs.ports import start_on_free_port
from instances.models import Instance
from instances.queue.job import JobFailed, JobSteps, secret_of
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work

# The job's progress, in percent, once a dump is loaded.
_LOADED = 95


class RestoreToNewInstance(JobSteps[RestoreToNewParameters, str]):
    parameters_type = RestoreToNewParameters

    def run(self, work: Work) -> str:
        """Return what the new server lacks of a logical backup; "" if it has everything."""
        _restoration, backup, instance = restoration_of(self.job)
        home, tag = instance_home(instance.id), str(self.job.id)
        home.mkdir(mode=0o700)
        lacking = ""
        try:
            if backup.is_logical:
                lacking = self._load(work, backup, home)
            else:
                unpack(work, backup, engines.embedded().exchange.incoming(home, tag))
                work.begin(Step.PLACE)
                engines.embedded().exchange.place(home, tag)
                # The restored administrator has the backup's password. Replace it before any client can sign in.
                if password := secret_of(self.job):
                    with scratch_server(work, home) as server:
                        _set_password(work, server, password)
            work.begin(Step.START)
            start_on_free_port(work, instance)
        except (StartFailed, EngineError) as error:
            raise JobFailed(str(error)) from error
        return lacking

    def _load(self, work: Work, backup: Backup, home: Path) -> str:
        """Load the dump into new files, before any client can reach their server, and return what the server lacks.

        On failure, leave no files.
        """
        files = engines.embedded().files
        files.prepare(home)
        try:
            work.begin(Step.SCRATCH)
            with scratch_server(work, home) as server:
                lacking = load_dump(work, backup, server, end=_LOADED).lacking
                if password := secret_of(self.job):
                    _set_password(work, server, password)
        except BaseException:
            shutil.rmtree(files.data_dir(home), ignore_errors=True)
            raise
        return lacking

    def completed(self, result: str) -> None:
        end_restoration(self.job, RestorationStatus.COMPLETED)
        if result:
            Restoration.objects.filter(job=self.job).update(note=Message("restore.lacking", names=result))
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


def _set_password(work: Work, server: Server, password: str) -> None:
    work.begin(Step.PASSWORD)
    engines.embedded().set_password(server, password)
