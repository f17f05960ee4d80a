"""The jobs of Restore and Verify, with real archives and files; only the servers and their engine are fake."""

import errno
import hashlib
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from backups import archive
from backups.choices import BackupStatus, RestorationStatus
from backups.damage import note_damage
from backups.jobs.archiving import manifest_of
from backups.models import Backup, Restoration
from backups.services.restore import restore_to_new_instance, restore_to_original
from backups.services.verify import verify_backup
from backups.storage.base import NotEnoughSpace, StorageFailed
from backups.storage.folder import FolderStorage
from console.jobs import JOBS
from instances import engines
from instances.choices import Action, JobStatus, State, Status
from instances.engines.base import Collection, Contents, Database, EngineError, FilesDamaged, Server, Watch
from instances.engines.embedded import process, restore
from instances.homes import instance_home, staging_root
from instances.models import Instance, Job
from instances.queue.agent import Agent
from instances.queue.supervisor import StartFailed, Supervisor
from tests.backups.real_archives import forge
from tests.engines import FakeEngine, contents_of, fill, read
from tests.factories import make_backup, make_instance
from tests.jobs import do, fail_unrenewed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "engine")]
Usage = namedtuple("Usage", "total used free")


class Servers:
    """A fake supervisor that records which servers started and stopped; `when_started` may inspect or fail."""

    def __init__(self) -> None:
        self.running: dict[str, Path] = {}
        self.stopped: list[str] = []
        self.scratch: list[Path] = []
        self.when_started: Callable[[Path], None] = lambda home: None

    def start(self, instance: Instance, port: int, *, may_move: bool = False) -> None:
        self.running[instance.id] = instance_home(instance.id)
        self.when_started(self.running[instance.id])

    def start_scratch(self, name: str, port: int, home: Path) -> None:
        assert not any(running == home for running in self.running.values()), "one server to a home"
        self.running[name] = home
        self.scratch.append(home)

    def stop(self, instance_id: str) -> None:
        self.stopped.append(instance_id)
        self.running.pop(instance_id, None)


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """Collect the servers whose administrator's password was kept for the restored files."""
    kept: list[Server] = []

    def keep(server: Server) -> bool:
        kept.append(server)
        return True

    monkeypatch.setattr(FakeEngine, "keep_password", staticmethod(keep))
    return kept


@pytest.fixture
def backup(home: Path, engine: FakeEngine) -> Backup:
    """Return a backup with 10 documents, of an instance that now has 20."""
    instance = make_instance(name="orders")
    process.prepare(instance_home(instance.id))
    fill(data(instance), contents_of(shop__numbers=10))
    backup = make_backup(instance, name="nightly")
    archived(backup)
    fill(data(instance), contents_of(shop__numbers=20))
    return backup


def data(instance: Instance) -> Path:
    return process.data_dir(instance_home(instance.id))


def archived(backup: Backup) -> None:
    """Write the archive of the backup's instance as it is now."""
    assert backup.instance is not None
    with engines.embedded().backup(Server(1, instance_home(backup.instance.id))) as cut:
        written = archive.write(
            storages["backups"],
            backup.archive_name,
            manifest_of(backup, cut),
            cut.members,
            cut.contents,
            progress=lambda read, size: None,
        )
    Backup.objects.filter(pk=backup.pk).update(size=written.size, sha256=written.sha256)
    backup.refresh_from_db()


def documents(instance: Instance) -> int:
    return read(data(instance)).documents


def entries(instance: Instance) -> set[str]:
    return {path.name for path in instance_home(instance.id).iterdir()} - {process.LOCK_NAME}


def ended(job: Job, said: str = "") -> Restoration:
    """Assert that the restoration ended as its job did and that nothing is in use; return the restoration."""
    restoration = Restoration.objects.get(job=job)
    assert restoration.ended is not None
    assert said in restoration.failure and job.failure == restoration.failure
    assert bool(restoration.failure) is (restoration.status == RestorationStatus.FAILED)
    assert not Backup.objects.in_use().exists()
    assert not Instance.objects.exclude(action=Action.NONE).exists()
    assert not list(staging_root().iterdir())
    return restoration


# --- To a new instance --------------------------------------------------------------------------------------


def test_the_new_instance_has_the_files_of_the_backup(backup: Backup, servers: Servers) -> None:
    target = restore_to_new_instance(backup=backup, name="copy", requested_by=None).target
    assert target is not None
    job = do(servers)
    assert job.status == JobStatus.COMPLETED, job.failure
    assert ended(job).status == RestorationStatus.COMPLETED
    target.refresh_from_db()
    assert target.status is Status.AVAILABLE and target.port is not None
    assert servers.running == {target.id: instance_home(target.id)} and documents(target) == 10
    assert entries(target) == {"data"}
    assert backup.instance is not None and documents(backup.instance) == 20


def test_a_server_that_does_not_start_fails_the_creation(backup: Backup, servers: Servers) -> None:
    def refuse(home: Path) -> None:
        raise StartFailed("The server does not want to.")

    servers.when_started = refuse
    target = restore_to_new_instance(backup=backup, name="copy", requested_by=None).target
    assert target is not None
    ended(do(servers), "does not want to")
    target.refresh_from_db()
    assert target.status is Status.CREATION_FAILED and "does not want to" in target.failure
    assert servers.running == {}
    assert Instance.objects.get(name="orders").status is Status.AVAILABLE


# --- Wrong archives ------------------------------------------------------------------------------------------


def flipped(content: bytes) -> bytes:
    return content[:-50] + bytes([content[-50] ^ 1]) + content[-49:]


def write_newer(backup: Backup, path: Path) -> None:
    forge(path, format=99)
    Backup.objects.filter(pk=backup.pk).update(sha256=hashlib.sha256(path.read_bytes()).hexdigest())


WRONG: dict[str, tuple[Callable[[Backup, Path], Any], str]] = {
    "flipped bit": (lambda backup, path: path.write_bytes(flipped(path.read_bytes())), "SHA-256 differs"),
    "truncated": (lambda backup, path: path.write_bytes(path.read_bytes()[:-9]), "SHA-256 differs"),
    "missing": (lambda backup, path: path.unlink(), "is missing"),
    "newer format": (write_newer, "newer version of the console"),
}


@pytest.mark.parametrize(("damage", "said"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("way", ["new", "original", "verify"])
def test_each_wrong_archive_has_its_own_error_and_changes_nothing(
    backup: Backup, servers: Servers, home: Path, damage: Callable[[Backup, Path], Any], said: str, way: str
) -> None:
    instance = backup.instance
    assert instance is not None
    damage(backup, home / "backups" / backup.archive_name)
    if way == "new":
        restore_to_new_instance(backup=backup, name="copy", requested_by=None)
    elif way == "original":
        restore_to_original(backup=backup, safety_backup=True, requested_by=None)
    else:
        verify_backup(backup=backup, requested_by=None)
    job = do(servers)
    assert job.status == JobStatus.FAILED and said in job.failure
    if way == "verify":
        backup.refresh_from_db()
        assert said in backup.verify_failure and not backup.verifying and not backup.in_use
    else:
        ended(job, said)
    assert documents(instance) == 20 and entries(instance) == {"data"}
    assert instance.id not in servers.stopped
    backup.refresh_from_db()
    assert backup.status == BackupStatus.COMPLETED
    assert backup.damage == ("" if "newer" in said else str(job.failure)), "a format is no damage"
    instance.refresh_from_db()
    assert instance.status is Status.AVAILABLE and instance.failure == ""
    assert not Backup.objects.filter(name__startswith="before-restore", status=BackupStatus.BUILDING).exists()


def test_a_full_disk_is_found_before_anything_is_stopped(
    backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(100, 99, 1))
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    ended(do(servers), "are free in")
    assert servers.stopped == [] and backup.instance is not None and entries(backup.instance) == {"data"}


def test_a_disk_that_becomes_full_leaves_no_files(
    backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("backups.archive.reader.os.fsync", fail)
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    job = do(servers)
    monkeypatch.undo()
    ended(job, "No space left on device")
    assert servers.stopped == [] and backup.instance is not None and entries(backup.instance) == {"data"}


# --- To the original ----------------------------------------------------------------------------------------


def test_the_original_has_the_files_of_the_backup_and_its_port(backup: Backup, servers: Servers) -> None:
    instance = backup.instance
    assert instance is not None
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    job = do(servers)
    assert job.status == JobStatus.COMPLETED, job.failure
    ended(job)
    before, instance = instance.port, Instance.objects.get()
    assert (instance.status, instance.port, instance.failure) == (Status.AVAILABLE, before, "")
    assert documents(instance) == 10 and entries(instance) == {"data"}
    assert servers.stopped == [instance.id] and servers.running == {instance.id: instance_home(instance.id)}


def test_the_safety_backup_is_complete_before_the_data_is_replaced(
    backup: Backup, servers: Servers, home: Path, engine: FakeEngine, kept: list[Server]
) -> None:
    restoration = restore_to_original(backup=backup, safety_backup=True, requested_by=None)
    seen = []
    servers.when_started = lambda _home: seen.append(Backup.objects.get(pk=restoration.safety_backup_id).status)
    job = do(servers)
    assert job.status == JobStatus.COMPLETED, job.failure
    assert seen == [BackupStatus.COMPLETED]
    assert backup.instance is not None
    where = instance_home(backup.instance.id)
    assert servers.scratch == [where] and [server.home for server in engine.cuts[1:]] == [where]
    assert engine.cuts[1].port != backup.instance.port, "where no client looks for it"
    assert kept == engine.cuts[1:]
    safety = Backup.objects.get(pk=restoration.safety_backup_id)
    assert safety.size == (home / "backups" / safety.archive_name).stat().st_size
    assert [(database.name, database.documents) for database in safety.databases] == [("shop", 20)]


def test_the_current_administrators_password_is_kept_while_the_server_still_runs(
    backup: Backup, servers: Servers, kept: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = backup.instance
    assert instance is not None and instance.port is not None
    servers.running[instance.id] = instance_home(instance.id)

    def keep(server: Server) -> bool:
        assert servers.stopped == []
        kept.append(server)
        return True

    monkeypatch.setattr(FakeEngine, "keep_password", staticmethod(keep))
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    ended(do(servers))
    assert kept == [Server(instance.port, instance_home(instance.id))]


@pytest.mark.parametrize(("kept", "known"), [(True, True), (False, None)])
def test_the_page_shows_which_password_the_administrator_has(
    backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch, kept: bool, known: bool | None
) -> None:
    Instance.objects.update(password_set=True)
    monkeypatch.setattr(FakeEngine, "keep_password", lambda _self, _server: kept)
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    ended(do(servers))
    assert Instance.objects.get().password_set is known


def test_lost_files_are_restored_from_the_backup(backup: Backup, servers: Servers) -> None:
    instance = backup.instance
    assert instance is not None
    shutil.rmtree(instance_home(instance.id))
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    ended(do(servers))
    assert documents(instance) == 10 and entries(instance) == {"data"}


def test_lost_files_get_neither_a_safety_backup_nor_an_empty_server(backup: Backup, servers: Servers) -> None:
    instance = backup.instance
    assert instance is not None
    shutil.rmtree(instance_home(instance.id))
    restore_to_original(backup=backup, safety_backup=True, requested_by=None)
    ended(do(servers), "The data directory of the instance is missing, so there is no current data to back up.")
    assert not data(instance).exists()


def test_a_safety_backup_that_fails_stops_the_restore(
    backup: Backup, servers: Servers, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise archive.ArchiveError("The tape is full.")

    monkeypatch.setattr(archive, "write", fail)
    restoration = restore_to_original(backup=backup, safety_backup=True, requested_by=None)
    ended(do(servers), "The safety backup failed, so nothing was changed: The tape is full.")
    safety = Backup.objects.get(pk=restoration.safety_backup_id)
    assert safety.status == BackupStatus.FAILED and "The tape is full." in safety.failure
    assert backup.instance is not None and documents(backup.instance) == 20
    assert entries(backup.instance) == {"data"}


def test_an_instance_does_not_wait_for_a_storage_that_cannot_be_cleaned_up(
    backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise StorageFailed("the S3 storage is not responding")

    assert backup.instance is not None
    monkeypatch.setattr(archive, "write", fail)
    monkeypatch.setattr(FolderStorage, "delete", fail)
    restore_to_original(backup=backup, safety_backup=True, requested_by=None)
    job = do(servers)
    backup.instance.refresh_from_db()
    assert (job.status, job.left_behind, backup.instance.action) == (JobStatus.FAILED, True, Action.NONE)
    assert entries(backup.instance) == {"data"} and documents(backup.instance) == 20
    monkeypatch.undo()
    Agent("local", JOBS)._clean_up_left_behind(timezone.now())
    job.refresh_from_db()
    assert not job.left_behind


def test_insufficient_space_for_the_safety_backup_is_found_while_the_server_runs(
    backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: FolderStorage, size: int) -> None:
        raise NotEnoughSpace("Only 3 bytes are free.")

    monkeypatch.setattr(FolderStorage, "require_space", full)
    restore_to_original(backup=backup, safety_backup=True, requested_by=None)
    ended(do(servers), "The safety backup failed, so nothing was changed: Only 3 bytes are free.")
    assert servers.stopped == []


def test_if_the_restored_server_does_not_start_the_old_data_is_put_back(backup: Backup, servers: Servers) -> None:
    instance = backup.instance
    assert instance is not None
    seen = []

    def refuse(home: Path) -> None:
        seen.append((documents(instance), Instance.objects.get().status))
        raise StartFailed("The server does not want to.")

    servers.when_started = refuse
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    ended(do(servers), "The restored server did not start: The server does not want to.")
    assert seen == [(10, Status.RESTORING)]
    assert documents(instance) == 20 and entries(instance) == {"data"}
    instance.refresh_from_db()
    # The status stays until the supervisor's server of the old data answers; this test has no supervisor.
    assert instance.status is Status.RESTORE_FAILED and "does not want to" in instance.failure
    assert servers.running == {}


def test_an_agent_that_loses_its_lease_at_the_end_puts_the_old_data_back(backup: Backup, servers: Servers) -> None:
    """Another process ended the job as Failed after the exchange, so the files must be the old ones too."""
    instance = backup.instance
    assert instance is not None

    def lose(home: Path) -> None:
        assert fail_unrenewed() == 1

    servers.when_started = lose
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    ended(do(servers), "The agent stopped")
    assert documents(instance) == 20 and entries(instance) == {"data"}
    assert servers.running == {}


@pytest.mark.parametrize("completed", [True, False])
def test_an_agent_that_starts_cleans_up_after_a_dead_one(backup: Backup, completed: bool) -> None:
    instance = backup.instance
    assert instance is not None
    restoration = restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    tag = str(restoration.job_id)
    archive.unpack(
        storages["backups"],
        backup.archive_name,
        restore.incoming(instance_home(instance.id), tag),
        progress=lambda *_: None,
    )
    restore.exchange(instance_home(instance.id), tag)
    Job.objects.update(status=JobStatus.COMPLETED if completed else JobStatus.FAILED)
    Agent("local", JOBS).sweep()
    assert documents(instance) == (10 if completed else 20)
    assert entries(instance) == {"data"}
    instance.refresh_from_db()
    assert instance.action == Action.NONE


def test_an_agent_that_starts_keeps_queued_restorations(backup: Backup) -> None:
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    Agent("local", JOBS).sweep()
    assert Instance.objects.get().status is Status.RESTORING


def test_a_failed_cleanup_is_retried(backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = backup.instance
    assert instance is not None

    def refuse(home: Path) -> None:
        raise StartFailed("No.")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(5, "Input/output error")

    servers.when_started = refuse
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    with monkeypatch.context() as broken:
        broken.setattr(restore, "settle", fail)
        job = do(servers)
    assert job.left_behind and Instance.objects.get().status is Status.RESTORING
    agent = Agent("local", JOBS)
    agent._clean_up_left_behind(timezone.now())
    agent.supervisor.shut_down()
    job.refresh_from_db()
    assert not job.left_behind
    assert documents(instance) == 20 and Instance.objects.get().action == Action.NONE


@pytest.mark.parametrize("state", [State.RESTORE_FAILED, State.ABNORMAL])
def test_restoration_failed_ends_when_the_server_answers(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor goes on starting the server, and the server's first answer makes the instance Available."""
    instance = make_instance(state=state, failure="The archive is missing.")
    assert instance.in_transition and instance.port is not None
    supervisor = Supervisor("local")
    supervisor.reconcile()
    assert list(supervisor._servers) == [instance.id]
    monkeypatch.setattr(supervisor, "_sample", lambda server, watch: None)
    supervisor._answered(supervisor._servers[instance.id], cast(Watch, None), 0.0)
    supervisor._servers.clear()
    supervisor.shut_down()
    instance.refresh_from_db()
    assert (instance.status, instance.failure) == (Status.AVAILABLE, "")


# --- Verify -------------------------------------------------------------------------------------------------


def test_verifying_records_the_time_and_the_counts(backup: Backup, servers: Servers) -> None:
    verify_backup(backup=backup, requested_by=None)
    job = do(servers)
    assert job.status == JobStatus.COMPLETED, job.failure
    backup.refresh_from_db()
    assert backup.verified_at is not None and backup.verify_failure == "" and not backup.in_use
    assert backup.verification == {"documents": 10, "collections": 1, "databases": {"shop": {"numbers": 10}}}
    assert [home.parent for home in servers.scratch] == [staging_root()]
    assert servers.running == {} and not list(staging_root().iterdir())


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (contents_of(shop__numbers=9), "documents in shop.numbers: 9 instead of 10."),
        (Contents(()), "documents in shop.numbers: 0 instead of 10."),
        (contents_of(shop__numbers=10, users__people=1), "documents in users.people: 1 instead of 0."),
        (
            contents_of(shop__numbers=10, **{f"users__c{n}": 1 for n in range(9)}),
            "documents in users.c4: 1 instead of 0; 4 more collections differ.",
        ),
        (
            Contents((Database("shop", (Collection("numbers", 10, ("_id_", "n_1")),)),)),
            "shop.numbers has different indexes.",
        ),
        (
            EngineError("The collection shop.numbers is damaged."),
            "The temporary server could not check the backup: The collection shop.numbers is damaged.",
        ),
    ],
    ids=["fewer", "missing", "more", "many", "indexes", "damaged"],
)
def test_verifying_reports_the_differences(
    backup: Backup, servers: Servers, engine: FakeEngine, found: Contents | EngineError, said: str
) -> None:
    Backup.objects.update(verified_at=timezone.now())
    engine.inspected = found
    verify_backup(backup=backup, requested_by=None)
    assert do(servers).failure.endswith(said)
    backup.refresh_from_db()
    assert backup.verified_at is None and backup.verify_failure.endswith(said) and not backup.verifying
    assert servers.running == {} and not list(staging_root().iterdir())


@pytest.mark.parametrize(
    ("found", "damaged"),
    [
        (Contents(()), True),
        (FilesDamaged("The collection shop.numbers is damaged."), True),
        (EngineError("The server ended."), False),
    ],
    ids=["differing", "damaged", "unreachable"],
)
def test_what_a_server_finds_is_damage_but_a_server_that_does_not_answer_is_not(
    backup: Backup, servers: Servers, engine: FakeEngine, found: Contents | EngineError, damaged: bool
) -> None:
    engine.inspected = found
    verify_backup(backup=backup, requested_by=None)
    failure = do(servers).failure
    backup.refresh_from_db()
    assert backup.verify_failure == failure and backup.damage == (failure if damaged else "")
    assert Backup.objects.damaged().exists() == damaged


@pytest.mark.parametrize(
    ("words", "damaged"),
    [
        ("The database files contain a table that no server wrote: 'secantus_more.wt'.", True),
        ("The database files are incomplete: WiredTiger.turtle is missing.", True),
        ("The database files cannot be opened: No space left on device.", False),
        ("", False),
    ],
    ids=["foreign", "incomplete", "unopened", "too late"],
)
def test_files_that_a_server_rejects_are_damage_but_a_server_that_does_not_start_is_not(
    backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch, words: str, damaged: bool
) -> None:
    def fail(name: str, port: int, home: Path) -> None:
        (home / "server.log").write_text(f"{words}\n")
        raise StartFailed(words or "The server did not answer within 30 s.")

    monkeypatch.setattr(servers, "start_scratch", fail)
    verify_backup(backup=backup, requested_by=None)
    failure = do(servers).failure
    backup.refresh_from_db()
    assert failure and backup.damage == (failure if damaged else "")


def test_no_room_to_unpack_is_no_damage(backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10, 10, 0))
    verify_backup(backup=backup, requested_by=None)
    assert do(servers).status == JobStatus.FAILED
    backup.refresh_from_db()
    assert backup.verify_failure and not backup.damage


def test_an_unreadable_disk_is_no_damage(backup: Backup, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: FolderStorage, name: str) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(FolderStorage, "size", fail)
    verify_backup(backup=backup, requested_by=None)
    assert do(servers).status == JobStatus.FAILED
    backup.refresh_from_db()
    assert backup.verify_failure and not backup.damage


def test_a_verification_that_succeeds_removes_the_mark_of_damage(backup: Backup, servers: Servers) -> None:
    note_damage(backup, "The archive is missing.")
    assert Instance.objects.get().last_backup_at is None, "a damaged backup is no success"
    verify_backup(backup=backup, requested_by=None)
    assert do(servers).status == JobStatus.COMPLETED
    backup.refresh_from_db()
    assert not backup.damage and Instance.objects.get().last_backup_at == backup.started


def test_a_backup_of_a_deleted_instance_can_be_verified(backup: Backup, servers: Servers) -> None:
    Instance.objects.all().delete()
    verify_backup(backup=Backup.objects.get(), requested_by=None)
    assert do(servers).status == JobStatus.COMPLETED
