"""How the agent restores backups: to a new instance, to the original, and into a throw-away server to verify them."""

import shutil
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from backups import archive
from backups.choices import RestorationStatus
from backups.comparing import differences
from backups.jobs.make import archive_failed, archive_made, clean_up_archive, make_archive, staging
from backups.models import Backup, Restoration
from backups.storage.base import NotEnoughSpace, archive_storage
from console.text.sentences import kept
from console.text.sentences import sentence as _
from instances import engines
from instances.choices import Action, JobKind, State, Step
from instances.engines.base import Contents, EngineError, FilesInUse, Server
from instances.engines.embedded import administrator, process, restore
from instances.engines.embedded.process import storage_bytes
from instances.homes import instance_home
from instances.jobs.handlers import give_free, settle_restoration, start_on_some_port
from instances.models import Instance, Job
from instances.queue.leases import Handler, JobFailed, LeaseLost, Work, secret_of
from instances.queue.pace import Amount
from instances.queue.supervisor import StartFailed

# Of the work's percentage, what is done when the archive is unpacked, and when the present data is backed up.
_UNPACKED, _BACKED_UP = 70, 95


def _unpack(work: Work, backup: Backup, destination: Path) -> archive.Unpacked:
    """Unpack the backup's archive into the new directory."""

    def read(done: int, total: int) -> None:
        if total:
            work.report(_UNPACKED * done / total, Amount(Step.UNPACK, done, total))

    try:
        return archive.unpack(
            archive_storage(), backup.archive_name, destination, sha256=backup.sha256 or None, progress=read
        )
    except archive.ArchiveError as error:
        raise JobFailed(kept(error)) from error


def _begin(work: Work) -> tuple[Restoration, Backup, Instance]:
    restoration = Restoration.objects.select_related("backup", "target").get(job=work.job)
    if restoration.backup is None:
        raise JobFailed(_("The backup does not exist any more."))
    if restoration.target is None:
        raise JobFailed(_("The instance does not exist any more."))
    return restoration, restoration.backup, restoration.target


def _ended(job: Job, status: RestorationStatus, reason: str = "") -> None:
    """What ends with every restoration, however it ended."""
    restoration = Restoration.objects.get(job=job)
    Restoration.objects.filter(pk=restoration.pk).update(status=status, failure=reason, ended=timezone.now())
    _let_go(Backup.objects.filter(pk=restoration.backup_id))


def _let_go(backups: Any, **changes: Any) -> None:
    backups.filter(uses__gt=0).update(uses=F("uses") - 1, **changes)


# --- To a new instance -----------------------------------------------------------------------------------------


def _restore_new(work: Work) -> None:
    _restoration, backup, instance = _begin(work)
    home, tag = instance_home(instance.id), str(work.job.id)
    home.mkdir(mode=0o700)
    _unpack(work, backup, restore.incoming(home, tag))
    restore.place(home, tag)
    try:
        # The users are those of the backup.
        if password := secret_of(work.job):
            _set_password(work, home, password)
        start_on_some_port(work, instance)
    except (StartFailed, EngineError) as error:
        raise JobFailed(kept(error)) from error


def _set_password(work: Work, home: Path, password: str) -> None:
    """Replace the administrator's password while no client can reach the server."""
    name, server = _scratch(work.job), Server(process.free_port(), home, private=True)
    try:
        work.servers.start_scratch(name, server.port, home)
        engines.embedded().set_password(server, password)
    finally:
        work.servers.stop(name)


def _restored_new(job: Job, _result: None) -> None:
    _ended(job, RestorationStatus.COMPLETED)
    Instance.objects.filter(pk=job.instance_id, state=State.CREATING).update(state=State.AVAILABLE)
    _source_is_free(job)


def _restoring_new_failed(job: Job, reason: str) -> None:
    _ended(job, RestorationStatus.FAILED, reason)
    Instance.objects.filter(pk=job.instance_id, state=State.CREATING).update(
        state=State.CREATION_FAILED, failure=reason
    )
    _source_is_free(job)


def _source_is_free(job: Job) -> None:
    Instance.objects.filter(pk=job.parameters["source"], action=Action.RESTORE_TO_NEW_INSTANCE).update(
        action=Action.NONE
    )


def _stop_target(work: Work) -> None:
    work.servers.stop(work.job.instance_uid)


def _clean_up_new(job: Job) -> None:
    restore.settle(instance_home(job.instance_uid), str(job.id), restored=False)


# --- To the original instance ----------------------------------------------------------------------------------


def _restore_original(work: Work) -> bool:
    """Return whether the administrator keeps its password, which only a server that answers can tell.

    Everything that can fail comes before the data is touched, as far as it can.
    """
    restoration, backup, instance = _begin(work)
    assert instance.port is not None
    home, tag = instance_home(instance.id), str(work.job.id)
    lost = not process.data_dir(home).is_dir()
    if lost and restoration.safety_backup_id:
        raise JobFailed(
            _(
                "The data directory of the instance is missing, so there is no present data to back up. "
                "Restore without backing it up first."
            )
        )
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _unpack(work, backup, restore.incoming(home, tag))
    if restoration.safety_backup_id:
        _require_room_for_backup(home)
    # Shown when the restoration has ended, as long as no server answers; until then it is Restoring.
    Instance.objects.filter(pk=instance.pk).update(state=State.RESTORE_FAILED)
    password_kept = not restoration.safety_backup_id and administrator.keep_password(Server(instance.port, home))
    # The server is stopped before the safety backup, which then has every write that was acknowledged.
    work.servers.stop(instance.id)
    if restoration.safety_backup_id:
        password_kept = _back_up_first(work, home)
    work.report(_BACKED_UP)
    try:
        # Lost files leave nothing to go back to: the restored ones stay, whatever comes next.
        (restore.place if lost else restore.exchange)(home, tag)
        work.servers.start(instance, instance.port)
    except (StartFailed, FilesInUse) as error:
        raise JobFailed(_("The restored server did not start: %s") % error) from error
    return password_kept


def _require_room_for_backup(home: Path) -> None:
    """Find out while the server still runs."""
    try:
        archive_storage().require_space(storage_bytes(home))
    except NotEnoughSpace as error:
        raise JobFailed(_("The safety backup failed, so nothing was changed: %s") % error) from error


def _back_up_first(work: Work, home: Path) -> bool:
    """Back the present data up from a server that no client knows.

    Return whether the administrator's present password will be kept.
    """
    backup = Backup.objects.select_related("instance").get(job=work.job)
    name, server = _scratch(work.job), Server(process.free_port(), home, private=True)
    try:
        work.servers.start_scratch(name, server.port, home)
        written = make_archive(work, backup, server=server, begin=_UNPACKED, end=_BACKED_UP)
        password_kept = administrator.keep_password(server)
    except (JobFailed, StartFailed) as error:
        raise JobFailed(_("The safety backup failed, so nothing was changed: %s") % error) from error
    finally:
        work.servers.stop(name)
    assert work.job.token is not None
    with transaction.atomic():
        if not Job.objects.held_by(work.job.token).exists():
            raise LeaseLost
        archive_made(work.job, written)
    return password_kept


def _restored_original(job: Job, password_kept: bool) -> None:
    _ended(job, RestorationStatus.COMPLETED)
    if not password_kept:
        # It is the backup's.
        Instance.objects.filter(pk=job.instance_id).update(password_set=None)
    Instance.objects.filter(pk=job.instance_id, action=Action.RESTORE).update(
        action=Action.NONE, state=State.AVAILABLE, failure=""
    )
    # There was no administrator whose password could be kept: the backup's may have one.
    Instance.objects.filter(pk=job.instance_id, password_set=False).update(password_set=None)


def _restoring_original_failed(job: Job, reason: str) -> None:
    """The instance stays Restoring until its old files are back, which clean_up sees to."""
    _ended(job, RestorationStatus.FAILED, reason)
    archive_failed(job, reason)
    Instance.objects.filter(pk=job.instance_id, state=State.RESTORE_FAILED).update(failure=reason)
    if job.started is None:
        # It was taken out of the queue: there is nothing to clean up.
        give_free(Instance.objects.filter(pk=job.instance_id))


def _stop_exchanged(work: Work) -> None:
    """No server goes on with restored files that are about to go; one with the old files may."""
    if restore.exchanged(instance_home(work.job.instance_uid), str(work.job.id)):
        work.servers.stop(work.job.instance_uid)


def _clean_up_original(job: Job) -> None:
    # The instance first: it does not wait for a storage that cannot be reached.
    settle_restoration(job)
    clean_up_archive(job)


# --- Verify ----------------------------------------------------------------------------------------------------


def _verify(work: Work) -> dict[str, Any]:
    """Restore into a server of no instance, and compare its documents with the archive's. Returns the counts."""
    backup = Backup.objects.get(verify_job=work.job)
    home = staging(work.job)
    home.mkdir(mode=0o700, parents=True)
    unpacked = _unpack(work, backup, process.data_dir(home))
    found = _inspected(work, home)
    if differing := differences(unpacked.contents, found):
        raise JobFailed(differing)
    return {
        "documents": found.documents,
        "collections": sum(len(database.collections) for database in found.databases),
        "databases": {
            database.name: {collection.name: collection.documents for collection in database.collections}
            for database in found.databases
        },
    }


def _inspected(work: Work, home: Path) -> Contents:
    """Have a throw-away server on the files in `home` read everything."""

    def report(done: int, total: int) -> None:
        work.report(_UNPACKED + (100 - _UNPACKED) * done / (total or 1))

    name, server = _scratch(work.job), Server(process.free_port(), home, private=True)
    try:
        work.servers.start_scratch(name, server.port, home)
        return engines.embedded().inspect(server, report)
    except (StartFailed, EngineError) as error:
        raise JobFailed(_("The throw-away server could not check the backup: %s") % error) from error
    finally:
        work.servers.stop(name)


def _scratch(job: Job) -> str:
    """What the supervisor calls the job's own server, which is no instance's."""
    return f"scratch-{job.id}"


def _verified(job: Job, counts: dict[str, Any]) -> None:
    _let_go(
        Backup.objects.filter(verify_job=job, verifying=True),
        verifying=False,
        verified_at=timezone.now(),
        verify_failure="",
        verification=counts,
    )


def _verifying_failed(job: Job, reason: str) -> None:
    backups = Backup.objects.filter(verify_job=job, verifying=True)
    if Job.objects.filter(pk=job.pk, interrupted=True).exists():
        # The agent ended, which says nothing of the archive: what was known of it still holds.
        _let_go(backups, verifying=False)
    else:
        _let_go(backups, verifying=False, verified_at=None, verify_failure=reason)


def _clean_up_verifying(job: Job) -> None:
    if staging(job).exists():
        shutil.rmtree(staging(job))


def _stop_scratch(work: Work) -> None:
    work.servers.stop(_scratch(work.job))


HANDLERS = {
    JobKind.RESTORE_NEW: Handler(
        run=_restore_new,
        completed=_restored_new,
        failed=_restoring_new_failed,
        clean_up=_clean_up_new,
        abandon=_stop_target,
    ),
    JobKind.RESTORE_ORIGINAL: Handler(
        run=_restore_original,
        completed=_restored_original,
        failed=_restoring_original_failed,
        clean_up=_clean_up_original,
        abandon=_stop_exchanged,
    ),
    JobKind.VERIFY: Handler(
        run=_verify,
        completed=_verified,
        failed=_verifying_failed,
        clean_up=_clean_up_verifying,
        abandon=_stop_scratch,
    ),
}
