"""Verify a backup: in a scratch server, compare indexes with documents, and both with the archive's list.

The server gets the files of a physical backup, or loads the dump of a logical one.
"""

import shutil
from pathlib import Path
from typing import Any

from django.utils import timezone

from backups import dumps, reporting
from backups.comparing import differences
from backups.damage import note_damage, note_whole
from backups.jobs.archiving import staging
from backups.jobs.parameters import BackupParameters
from backups.jobs.restoring import UNPACKED, end_use, load_dump, scratch_name, scratch_server, unpack
from backups.models import Backup, BackupQuerySet
from console.text.messages import Message
from instances import engines
from instances.choices import Step
from instances.engines.base import Contents, EngineError, FilesDamaged, Server
from instances.models import Job
from instances.queue.job import JobFailed, JobSteps
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work


class VerifyBackup(JobSteps[BackupParameters, dict[str, Any]]):
    parameters_type = BackupParameters

    def run(self, work: Work) -> dict[str, Any]:
        """Verify the backup; return the server's counts in the form that Backup.verification stores."""
        backup = Backup.objects.get(verify_job=self.job)
        home = staging(self.job)
        home.mkdir(mode=0o700, parents=True)
        lacking = ""
        if backup.is_logical:
            found, lacking = _load_and_inspect(work, home, backup)
        else:
            found = _unpack_and_inspect(work, home, backup)
        counts: dict[str, Any] = {
            "documents": found.documents,
            "collections": sum(len(database.collections) for database in found.databases),
            "databases": {
                database.name: {collection.name: collection.documents for collection in database.collections}
                for database in found.databases
            },
        }
        return counts | {"lacking": lacking} if lacking else counts

    def completed(self, result: dict[str, Any]) -> None:
        self._end(verified_at=timezone.now(), verify_failure="", verification=result)
        note_whole(Backup.objects.get(verify_job=self.job))

    def failed(self, reason: str) -> None:
        if Job.objects.filter(pk=self.job.pk, interrupted=True).exists():
            # The agent stopped, which says nothing about the archive, so keep the result of the last verification.
            self._end()
        else:
            self._end(verified_at=None, verify_failure=reason)
            reporting.verification_failed(Backup.objects.get(verify_job=self.job), reason)

    def cancelled(self, reason: str) -> None:
        """Keep the result of the last verification."""
        self._end()

    def _end(self, **columns: Any) -> None:
        verifying: BackupQuerySet = Backup.objects.filter(verify_job=self.job, verifying=True)
        end_use(verifying, verifying=False, **columns)

    def abandon(self, work: Work) -> None:
        work.servers.stop(scratch_name(self.job))

    def clean_up(self) -> None:
        if staging(self.job).exists():
            shutil.rmtree(staging(self.job))


def _unpack_and_inspect(work: Work, home: Path, backup: Backup) -> Contents:
    """Unpack the files, have a scratch server read all of them, and return its counts. Raises JobFailed.

    Mark the backup if the server finds the files damaged or foreign, or different from what the archive lists. A server
    that does not start or answer for another reason says nothing about them.
    """
    unpacked = unpack(work, backup, engines.embedded().files.data_dir(home))
    work.begin(Step.SCRATCH)
    try:
        with scratch_server(work, home) as server:
            found = _inspect(work, server)
    except (StartFailed, EngineError) as error:
        reason = Message("verification.failed", why=error)
        rejected = isinstance(error, StartFailed) and engines.embedded().processes.rejected_files(home)
        if rejected or isinstance(error, FilesDamaged):
            note_damage(backup, reason)
        raise JobFailed(reason) from error
    _require_equal(backup, differences(unpacked.contents, found))
    return found


def _load_and_inspect(work: Work, home: Path, backup: Backup) -> tuple[Contents, str]:
    """Load the dump into a new scratch server, have it read everything, and return its counts, and what it lacks.

    Raises JobFailed.
    """
    engines.embedded().files.prepare(home)
    work.begin(Step.SCRATCH)
    try:
        with scratch_server(work, home) as server:
            loaded = load_dump(work, backup, server, end=UNPACKED)
            found = _inspect(work, server)
    except (StartFailed, EngineError) as error:
        # The server has made its files itself, so it is to blame for them.
        raise JobFailed(Message("verification.failed", why=error)) from error
    _require_equal(backup, dumps.differing_from(loaded, found))
    return found, loaded.lacking


def _inspect(work: Work, server: Server) -> Contents:
    def report(done: int, total: int) -> None:
        work.report(UNPACKED + (100 - UNPACKED) * done / (total or 1))

    work.begin(Step.INSPECT)
    return engines.embedded().inspect(server, report)


def _require_equal(backup: Backup, differing: str) -> None:
    """Raise JobFailed, and mark the backup, if a client would not see what the archive lists."""
    if differing:
        note_damage(backup, differing)
        raise JobFailed(differing)
