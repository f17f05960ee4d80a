"""Make and remove the archive of a backup."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from backups import archive, outcome
from backups.choices import BackupMethod, BackupStatus
from backups.models import Backup
from backups.storage.base import NotEnoughSpace, archive_storage
from instances import engines
from instances.choices import Step
from instances.engines.base import Access, Cut, EngineError, Server
from instances.homes import staging_root
from instances.models import Job
from instances.queue.job import JobFailed
from instances.queue.pace import Amount
from instances.queue.throttle import Throttle
from instances.queue.work import Work


def staging(job: Job) -> Path:
    """Return the job's staging directory. The job creates the directory, and the job's clean-up removes it."""
    return staging_root() / str(job.id)


@dataclass(frozen=True)
class Made:
    """A finished archive, its manifest, and how many seconds the cut paused writers."""

    written: archive.Written
    manifest: archive.Manifest
    pause_seconds: float


def make_archive(work: Work, backup: Backup, place: Server | Access, *, begin: float = 0, end: float = 100) -> Made:
    """Back up the server at `place` into the backup's archive.

    `begin` and `end` are the job's progress, in percent, when this function starts and ends. Raises JobFailed or
    LeaseLost, and then leaves no archive.
    """
    throttle = Throttle(settings.CONSOLE_BACKUP_BYTES_PER_SECOND)
    storage = archive_storage()
    done, total, percent = 0, 0, begin

    def report() -> None:
        nonlocal percent
        percent = max(percent, begin + (end - begin) * done / (total or 1))
        work.report(percent, Amount(Step.COPY, done, total) if total else None)

    work.begin(Step.SNAPSHOT)
    try:
        with engines.of_place(place).backup(place, report) as cut:

            def copied(read: int, _written: int) -> None:
                nonlocal done, total
                # An estimated total grows with what is read, so that an unfinished copy does not seem complete.
                total = cut.bytes if cut.known is not None else max(cut.bytes, read + read // 50 + 1)
                # Do not report bytes as done while the throttle delays them.
                work.wait(throttle.delay(read - done), report)
                done = read
                report()
                if cut.known is not None and read == total:
                    work.begin(Step.WRITE)

            work.begin(Step.SPACE)
            storage.require_space(cut.bytes)
            work.begin(Step.COPY)
            manifest = manifest_of(backup, cut)
            written = archive.write(
                storage,
                backup.archive_name,
                manifest,
                cut.members,
                cut.contents,
                progress=copied,
                expected_bytes=cut.expected_bytes,
            )
            work.begin(Step.CLOSE)
    except (EngineError, archive.ArchiveError, NotEnoughSpace) as error:
        raise JobFailed(str(error)) from error
    return Made(written, manifest, cut.pause_seconds)


def manifest_of(backup: Backup, cut: Cut) -> archive.Manifest:
    return archive.Manifest(
        backup_id=backup.id,
        backup_name=backup.name,
        instance_id=backup.instance_uid,
        instance_name=backup.instance_name,
        instance_type=backup.instance_type,
        engine=backup.engine if backup.method == BackupMethod.LOGICAL else engines.embedded().name,
        engine_version=backup.engine_version,
        compatible_version=backup.compatible_version,
        storage_engine=backup.storage_engine,
        method=backup.method,
        cut_at=cut.at,
        members=None if cut.known is None else tuple(archive.Entry(each.name, each.size) for each in cut.known),
        consistency=cut.consistency,
    )


def archive_made(job: Job, made: Made) -> None:
    """Mark the job's backup Complete and store the facts about its archive."""
    outcome.backup_completed(
        job,
        size=made.written.size,
        data_size=made.written.data_size,
        sha256=made.written.sha256,
        contents=made.written.contents.to_document(),
        cut_at=made.manifest.cut_at,
        pause_seconds=made.pause_seconds,
        consistency=made.manifest.consistency,
    )


def remove_unfinished(job: Job) -> None:
    """Remove the job's staging directory, and its archive unless the backup is Complete."""
    shutil.rmtree(staging(job), ignore_errors=True)
    unfinished = [BackupStatus.FAILED, BackupStatus.CANCELLED]
    backup = Backup.objects.filter(job=job, status__in=unfinished).first()
    if backup:
        remove_archive(backup)


def remove_archive(backup: Backup) -> None:
    """Remove the archive, or the partial archive that a killed writer left. Raises OSError."""
    storage = archive_storage()
    storage.delete(backup.archive_name)
    storage.discard_partial(backup.archive_name)
