"""How the agent does the jobs on backups: make one and delete one."""

import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from backups import archive, history
from backups.choices import BackupStatus
from backups.models import Backup
from backups.storage.base import NotEnoughSpace, archive_storage
from console.testing import hook_state as hooks
from console.text.disk_errors import explain
from console.text.sentences import kept
from console.text.sentences import sentence as _
from instances import engines
from instances.choices import Action, JobKind, Step
from instances.engines.base import Cut, EngineError, Server
from instances.homes import instance_home, staging_root
from instances.models import Instance, Job
from instances.queue.leases import Handler, JobFailed, Work
from instances.queue.pace import Amount
from instances.queue.throttle import Throttle


def staging(job: Job) -> Path:
    """The directory that the job may make and fill; it goes with the job."""
    return staging_root() / str(job.id)


@dataclass(frozen=True)
class Made:
    """A finished archive, what it holds, and how long writers waited for it."""

    written: archive.Written
    manifest: archive.Manifest
    pause_seconds: float


def _make(work: Work) -> Made:
    return make_archive(work, Backup.objects.select_related("instance").get(job=work.job))


def make_archive(
    work: Work, backup: Backup, *, server: Server | None = None, begin: float = 0, end: float = 100
) -> Made:
    """Back the instance up into the archive, from its own server unless another one has its files now.

    Of the work's percentage it is the part from `begin` to `end`.
    """
    if backup.instance is None:
        raise JobFailed(_("The instance does not exist any more."))
    if server is None:
        if backup.instance.port is None:
            raise JobFailed(_("The instance has no port."))
        server = Server(backup.instance.port, instance_home(backup.instance.id))
    asked = hooks.take_next_backup()

    def report(done: int, total: int) -> None:
        percent = 100 * done / total if total else 0
        work.report(begin + (end - begin) * percent / 100, Amount(Step.COPY, done, total) if total else None)
        if asked.fail_at and percent >= asked.fail_at:
            raise JobFailed(_("A test made this backup fail at %d %%.") % asked.fail_at)

    throttle = Throttle(asked.bytes_per_second or settings.CONSOLE_BACKUP_BYTES_PER_SECOND)
    storage = archive_storage()
    try:
        with engines.embedded().backup(server, partial(work.report, begin)) as cut:
            copied_before = 0

            def copied(read: int, _written: int) -> None:
                # What waits for its turn is not done yet.
                nonlocal copied_before
                work.wait(throttle.delay(read - copied_before), partial(report, copied_before, cut.bytes))
                report(read, cut.bytes)
                copied_before = read

            storage.require_space(cut.bytes)
            manifest = manifest_of(backup, cut)
            written = archive.write(storage, backup.archive_name, manifest, cut.members, cut.contents, progress=copied)
    except (EngineError, archive.ArchiveError, NotEnoughSpace) as error:
        raise JobFailed(kept(error)) from error
    return Made(written, manifest, cut.pause_seconds)


def manifest_of(backup: Backup, cut: Cut) -> archive.Manifest:
    return archive.Manifest(
        backup_id=backup.id,
        backup_name=backup.name,
        instance_id=backup.instance_uid,
        instance_name=backup.instance_name,
        instance_type=backup.instance_type,
        engine=engines.embedded().name,
        engine_version=backup.engine_version,
        compatible_version=backup.compatible_version,
        storage_engine=backup.storage_engine,
        method=engines.embedded().method,
        cut_at=cut.at,
        members=tuple(archive.Entry(member.name, member.size) for member in cut.members),
    )


def _made(job: Job, made: Made) -> None:
    archive_made(job, made)
    Instance.objects.filter(pk=job.instance_id, action=Action.BACKUP).update(action=Action.NONE)


def archive_made(job: Job, made: Made) -> None:
    """The backup that the job made is Complete."""
    _end(
        job,
        status=BackupStatus.COMPLETED,
        size=made.written.size,
        data_size=made.manifest.size,
        sha256=made.written.sha256,
        contents=made.written.contents.to_document(),
        cut_at=made.manifest.cut_at,
        pause_seconds=made.pause_seconds,
    )


def archive_failed(job: Job, reason: str) -> None:
    """The backup that the job was making, if it was, is Failed."""
    _end(job, status=BackupStatus.FAILED, failure=reason)


def _end(job: Job, **fields: Any) -> None:
    building = Backup.objects.filter(job=job, status=BackupStatus.BUILDING)
    backup = building.only("started", "instance_uid", "status").first()
    if backup and building.update(ended=timezone.now(), **fields):
        backup.status = fields["status"]
        history.note_ends([backup])


def _making_failed(job: Job, reason: str) -> None:
    archive_failed(job, reason)
    Instance.objects.filter(pk=job.instance_id, action=Action.BACKUP).update(action=Action.NONE)


def clean_up_archive(job: Job) -> None:
    """No staging files stay, and no archive whose backup is not Complete."""
    shutil.rmtree(staging(job), ignore_errors=True)
    backup = Backup.objects.filter(job=job, status=BackupStatus.FAILED).first()
    if backup:
        remove_archive(backup)


def _delete(work: Work) -> None:
    backup = Backup.objects.get(job=work.job)
    work.report(10)
    try:
        remove_archive(backup)
    except OSError as error:
        reason = _("The archive could not be deleted: %s.") % explain(error)
        # If the storage does not even say what it has, cleaning up finds out when it does.
        with suppress(OSError):
            if _is_whole(backup):
                # Nothing is lost, and the row says so at once.
                _stays(backup, BackupStatus.DELETING, failure=reason)
        raise JobFailed(reason) from error


def remove_archive(backup: Backup) -> None:
    """Remove the archive, and what a writer that was killed left of it."""
    storage = archive_storage()
    storage.delete(backup.archive_name)
    storage.discard_partial(backup.archive_name)


def _deleted(job: Job, _result: None) -> None:
    Backup.objects.filter(job=job, status=BackupStatus.DELETING).delete()


def _deletion_failed(job: Job, reason: str) -> None:
    """The archive may be gone or not: Failed, with the reason, says that it cannot be relied on."""
    Backup.objects.filter(job=job, status=BackupStatus.DELETING).update(status=BackupStatus.FAILED, failure=reason)


def _clean_up_deletion(job: Job) -> None:
    """If the deletion was cut short before it touched the archive, the backup is as good as it was."""
    backup = Backup.objects.filter(job=job, status=BackupStatus.FAILED).first()
    if backup and _is_whole(backup):
        _stays(backup, BackupStatus.FAILED)


def _stays(backup: Backup, status: BackupStatus, **fields: Any) -> None:
    """Its deletion did not happen: from the status that it gave the backup, it is Complete again."""
    with transaction.atomic():
        there = Backup.objects.filter(pk=backup.pk, job=backup.job_id, status=status)
        if there.update(status=BackupStatus.COMPLETED, **fields):
            history.note_newest(backup.instance_uid)


def _is_whole(backup: Backup) -> bool:
    """True if the backup was Complete and its archive is still there in its full size."""
    storage, name = archive_storage(), backup.archive_name
    return bool(backup.sha256) and storage.exists(name) and storage.size(name) == backup.size


HANDLERS = {
    JobKind.BACKUP: Handler(run=_make, completed=_made, failed=_making_failed, clean_up=clean_up_archive),
    JobKind.DELETE_BACKUP: Handler(
        run=_delete, completed=_deleted, failed=_deletion_failed, clean_up=_clean_up_deletion
    ),
}
