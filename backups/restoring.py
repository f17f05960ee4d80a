"""How the agent restores backups: to a new instance, to the original, and into a throw-away server to verify them."""

import shutil
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from backups import archive
from backups.choices import RestorationStatus
from backups.handlers import archive_failed, archive_made, clean_up_archive, make_archive, staging
from backups.models import Backup, Restoration
from backups.storage import NotEnoughSpace, archive_storage
from console.sentences import Size, joined, kept
from console.sentences import sentence as _
from instances.choices import Action, JobKind, State, Step
from instances.engine import process, swap
from instances.engine.client import EngineError
from instances.engine.inspection import Damaged, Inspection, count_documents
from instances.engine.snapshot import space_needed
from instances.handlers import give_free, settle_restoration, start_on_some_port
from instances.homes import instance_home
from instances.jobs import Handler, JobFailed, LeaseLost, Work
from instances.models import Instance, Job
from instances.pace import Amount
from instances.supervisor import StartFailed

# Of the work's percentage, what is done when the archive is unpacked, and when the present data is backed up.
_UNPACKED, _BACKED_UP = 70, 95
# How many differences of a verification are told; more do not make it worse.
_DIFFERENCES = 5


def _unpack(work: Work, backup: Backup, destination: Path) -> archive.Manifest:
    """Unpack the backup's archive into the new directory, each database checked."""

    def read(done: int, total: int) -> None:
        if total:
            work.report(_UNPACKED * done / total, Amount(Step.UNPACK, done, total))

    try:
        with Inspection() as inspection:
            manifest = archive.unpack(
                archive_storage(),
                backup.archive_name,
                destination,
                sha256=backup.sha256 or None,
                progress=read,
                unpacked=inspection.add,
            )
            inspection.finish(lambda: work.report(_UNPACKED))
    except (archive.ArchiveError, Damaged) as error:
        raise JobFailed(kept(error)) from error
    return manifest


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
    _unpack(work, backup, swap.incoming(home, tag))
    swap.place(home, tag)
    try:
        start_on_some_port(work, instance)
    except StartFailed as error:
        raise JobFailed(kept(error)) from error


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
    swap.settle(instance_home(job.instance_uid), str(job.id), restored=False)


# --- To the original instance ----------------------------------------------------------------------------------


def _restore_original(work: Work) -> None:
    """Everything that can fail comes before the data is touched, as far as it can."""
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
    _unpack(work, backup, swap.incoming(home, tag))
    if restoration.safety_backup_id:
        _require_room_for_backup(process.data_dir(home))
    # Shown when the restoration has ended, as long as no server answers; until then it is Restoring.
    Instance.objects.filter(pk=instance.pk).update(state=State.RESTORE_FAILED)
    # The server is stopped before the safety backup: it has every write that was acknowledged.
    work.servers.stop(instance.id)
    if restoration.safety_backup_id:
        _back_up_first(work)
    work.report(_BACKED_UP)
    try:
        # Lost files leave nothing to go back to: the restored ones stay, whatever comes next.
        (swap.place if lost else swap.exchange)(home, tag)
        work.servers.start(instance.id, instance.port)
    except (StartFailed, process.FilesInUse) as error:
        raise JobFailed(_("The restored server did not start: %s") % error) from error


def _require_room_for_backup(data_dir: Path) -> None:
    """Better found out while the server still runs."""
    needed, free = space_needed(data_dir), shutil.disk_usage(data_dir).free
    try:
        if free < needed:
            raise NotEnoughSpace(
                _("The copy of the present data needs %(needed)s, but only %(free)s are free.")
                % {"needed": Size(needed), "free": Size(free)}
            )
        archive_storage().require_space(needed)
    except NotEnoughSpace as error:
        raise JobFailed(_("The safety backup failed, so nothing was changed: %s") % error) from error


def _back_up_first(work: Work) -> None:
    backup = Backup.objects.select_related("instance").get(job=work.job)
    try:
        written = make_archive(work, backup, begin=_UNPACKED, end=_BACKED_UP)
    except JobFailed as error:
        raise JobFailed(_("The safety backup failed, so nothing was changed: %s") % error) from error
    assert work.job.token is not None
    with transaction.atomic():
        if not Job.objects.held_by(work.job.token).exists():
            raise LeaseLost
        archive_made(work.job, written)


def _restored_original(job: Job, _result: None) -> None:
    _ended(job, RestorationStatus.COMPLETED)
    Instance.objects.filter(pk=job.instance_id, action=Action.RESTORE).update(
        action=Action.NONE, state=State.AVAILABLE, failure=""
    )


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
    if swap.exchanged(instance_home(work.job.instance_uid), str(work.job.id)):
        work.servers.stop(work.job.instance_uid)


def _clean_up_original(job: Job) -> None:
    # The instance first: it does not wait for a storage that cannot be reached.
    settle_restoration(job)
    clean_up_archive(job)


# --- Verify ----------------------------------------------------------------------------------------------------


def _verify(work: Work) -> dict[str, Any]:
    """Restore into a server of no instance, and compare its documents with the manifest. Returns the counts."""
    backup = Backup.objects.get(verify_job=work.job)
    home = staging(work.job)
    home.mkdir(mode=0o700, parents=True)
    manifest = _unpack(work, backup, process.data_dir(home))
    server = _scratch(work.job)
    try:
        port = process.free_port()
        work.servers.start(server, port, home)
        counted: dict[str, dict[str, int]] = {}
        collections = sum(len(database.collections) for database in manifest.databases)
        for done, count in enumerate(count_documents(port)):
            counted.setdefault(count.database, {})[count.collection] = count.documents
            work.report(_UNPACKED + (100 - _UNPACKED) * min(done / (collections or 1), 1))
    except (StartFailed, EngineError) as error:
        raise JobFailed(_("The server that was to show the backup's documents failed: %s") % error) from error
    finally:
        work.servers.stop(server)
    if differences := _differences(manifest, counted):
        raise JobFailed(differences)
    return {
        "documents": sum(sum(collections.values()) for collections in counted.values()),
        "collections": sum(len(collections) for collections in counted.values()),
        "databases": counted,
    }


def _scratch(job: Job) -> str:
    return f"verify-{job.id}"


def _differences(manifest: archive.Manifest, counted: dict[str, dict[str, int]]) -> str:
    """What the server has other than the manifest says, in a sentence; empty if nothing."""
    expected = {
        (database.name, collection.name): collection.documents
        for database in manifest.databases
        for collection in database.collections
    }
    found = {(name, collection): n for name, collections in counted.items() for collection, n in collections.items()}
    told = [
        _("%(collection)s has %(found)s documents instead of %(expected)s")
        % {"collection": ".".join(key), "found": found.get(key, 0), "expected": expected.get(key, 0)}
        for key in sorted(expected.keys() | found.keys())
        if found.get(key) != expected.get(key)
    ]
    if not told:
        return ""
    if len(told) > _DIFFERENCES:
        told[_DIFFERENCES:] = [_("%d more collections differ") % (len(told) - _DIFFERENCES)]
    return _("Restored, the backup differs from its manifest: %s.") % joined("; ", told)


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
