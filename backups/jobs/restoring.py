"""Functions shared by the jobs that read an archive: restoration and verification."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db.models import F
from django.utils import timezone

from backups import archive, dumps, reporting
from backups.choices import RestorationStatus
from backups.damage import note_damage
from backups.models import Backup, BackupQuerySet, Restoration
from backups.storage.base import archive_storage
from console.text.messages import Message
from instances import engines
from instances.choices import Step
from instances.engines.base import EngineError, Server
from instances.engines.deployment.mongodump import DumpDamaged
from instances.models import Instance, Job
from instances.queue.job import JobFailed
from instances.queue.pace import Amount
from instances.queue.work import Work

# The job's progress, in percent, once the archive is unpacked.
UNPACKED = 70


def restoration_of(job: Job) -> tuple[Restoration, Backup, Instance]:
    """Return the job's restoration, the backup and the target. Raises JobFailed if one of them has been deleted."""
    restoration = Restoration.objects.select_related("backup", "target").get(job=job)
    if restoration.backup is None:
        raise JobFailed(Message("backup.gone"))
    if restoration.target is None:
        raise JobFailed(Message("instance.gone"))
    return restoration, restoration.backup, restoration.target


def unpack(work: Work, backup: Backup, destination: Path) -> archive.Unpacked:
    """Unpack the backup's archive into the new directory `destination`. Raises JobFailed or LeaseLost.

    Mark the backup if its archive is missing or damaged.
    """

    def read(done: int, total: int) -> None:
        if total:
            work.report(UNPACKED * done / total, Amount(Step.UNPACK, done, total))

    work.begin(Step.UNPACK)
    try:
        return archive.unpack(
            archive_storage(), backup.archive_name, destination, sha256=backup.sha256 or None, progress=read
        )
    except archive.ArchiveError as error:
        if damages(error):
            note_damage(backup, str(error))
        raise JobFailed(str(error)) from error


def load_dump(work: Work, backup: Backup, server: Server, *, end: float) -> dumps.Loaded:
    """Load the backup's dump into the empty server. Raises JobFailed or LeaseLost.

    `end` is the job's progress, in percent, when everything is loaded. Mark the backup if its archive is missing or
    damaged.
    """

    def read(done: int, total: int) -> None:
        work.report(end * done / (total or 1), Amount(Step.LOAD, done, total) if total else None)

    work.begin(Step.LOAD)
    try:
        return dumps.load(archive_storage(), backup.archive_name, server, sha256=backup.sha256 or None, progress=read)
    except (archive.ArchiveError, EngineError) as error:
        if damages(error):
            note_damage(backup, str(error))
        raise JobFailed(str(error)) from error


def damages(error: Exception) -> bool:
    """Return whether the error means that the archive is missing or damaged."""
    if isinstance(error, archive.ArchiveError):
        return not isinstance(error, archive.ArchiveNotRead)
    return isinstance(error, DumpDamaged)


@contextmanager
def scratch_server(work: Work, home: Path) -> Iterator[Server]:
    """Run a private server, which no client can reach, on the files in `home`. Raises StartFailed."""
    name, server = scratch_name(work.job), Server(engines.embedded().processes.free_port(), home, private=True)
    try:
        work.servers.start_scratch(name, server.port, home)
        yield server
    finally:
        work.servers.stop(name)


def scratch_name(job: Job) -> str:
    """Return the supervisor's name for the job's scratch server, which belongs to no instance."""
    return f"scratch-{job.id}"


def end_restoration(job: Job, status: RestorationStatus, reason: str = "") -> None:
    """Record that the job's restoration ended and no longer uses the backup."""
    restoration = Restoration.objects.get(job=job)
    Restoration.objects.filter(pk=restoration.pk).update(status=status, failure=reason, ended=timezone.now())
    end_use(Backup.objects.filter(pk=restoration.backup_id))
    reporting.restoration_ended(restoration, status, reason)


def end_use(backups: BackupQuerySet, **columns: Any) -> None:
    """Decrement the number of jobs that use these backups, and update the columns in the same query."""
    backups.filter(uses__gt=0).update(uses=F("uses") - 1, **columns)
