"""The job of Create Backup, from the open cut to the storage, and its failures; only the server is fake."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.files.storage import storages
from pytest_django import Settings

from backups import archive
from backups.choices import BackupStatus
from backups.models import Backup
from backups.services.create import create_backup
from backups.storage.base import NotEnoughSpace
from backups.storage.folder import FolderStorage
from instances import engines
from instances.choices import JobStatus, Status, Step
from instances.engines.base import Contents, Cut, EngineError, Server, nothing
from instances.homes import instance_home
from instances.models import Instance, Job
from instances.queue.pace import Amount
from instances.queue.work import Work
from tests.engines import FakeEngine, contents_of, fill
from tests.factories import make_instance
from tests.jobs import do

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]


class Engine(FakeEngine):
    """Records whether its cut is open; `change` may replace the cut, and `closing` runs before the cut is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open = False
        self.change: Callable[[Cut], Cut] = lambda cut: cut
        self.closing: Callable[[], None] = nothing

    @contextmanager
    def backup(self, server: Server, waiting: Callable[[], None] = nothing) -> Iterator[Cut]:
        with super().backup(server, waiting) as cut:
            self.open = True
            try:
                yield self.change(cut)
                self.closing()
            finally:
                self.open = False


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setitem(engines.ENGINES, "embedded", made)
    return made


@pytest.fixture
def backup() -> Backup:
    """Return a queued backup of an instance with 12 documents."""
    instance = make_instance(name="orders")
    fill(instance_home(instance.id) / "data", contents_of(shop__orders=10, users__people=2))
    return create_backup(instance=instance, name="nightly", requested_by=None)


def failed(backup: Backup, home: Path, engine: Engine) -> str:
    """Do the job, which fails; return its reason. Assert that nothing of it is left."""
    return _ended(JobStatus.FAILED, BackupStatus.FAILED, backup, home, engine)


def cancelled(backup: Backup, home: Path, engine: Engine) -> str:
    """Do the job, which is cancelled; return its reason. Assert that nothing of it is left."""
    return _ended(JobStatus.CANCELLED, BackupStatus.CANCELLED, backup, home, engine)


def _ended(of_job: JobStatus, of_backup: BackupStatus, backup: Backup, home: Path, engine: Engine) -> str:
    job = do()
    backup.refresh_from_db()
    assert (job.status, backup.status, backup.failure) == (of_job, of_backup, job.failure)
    assert not engine.open and not job.left_behind
    assert not (home / "backups").exists() or not [path for path in (home / "backups").iterdir() if path.is_file()]
    assert Instance.objects.get().status is Status.AVAILABLE
    return str(job.failure)


def test_the_backup_shows_what_the_server_counted(backup: Backup, engine: Engine) -> None:
    assert do().status == JobStatus.COMPLETED
    backup.refresh_from_db()
    assert backup.instance is not None and not engine.open
    assert engine.cuts == [Server(backup.instance.port or 0, instance_home(backup.instance.id))]
    assert [(each.name, each.documents) for each in backup.databases] == [("shop", 10), ("users", 2)]
    manifest = archive.read_manifest(storages["backups"], backup.archive_name)
    assert (manifest.engine, manifest.engine_version, manifest.compatible_version, manifest.storage_engine) == (
        *("SecantusDB", "0.7.0b3", "8.2", "WiredTiger"),
    )
    assert (manifest.method, manifest.consistency, manifest.cut_at) == ("Physical", "one moment", backup.cut_at)
    assert backup.data_size == manifest.size and backup.pause_seconds == 0.01


def test_every_report_gives_the_bytes_copied_and_the_total(backup: Backup, monkeypatch: pytest.MonkeyPatch) -> None:
    reports: list[tuple[float, Amount | None]] = []
    monkeypatch.setattr(Work, "report", lambda self, percent, amount=None: reports.append((percent, amount)))
    do()
    backup.refresh_from_db()
    amounts = [amount for _, amount in reports if amount]
    assert amounts and {(amount.step, amount.total) for amount in amounts} == {(Step.COPY, backup.data_size)}
    assert amounts[-1].done == backup.data_size and reports[-1][0] == 100


def test_the_rate_limit_is_observed(backup: Backup, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(Work, "wait", lambda self, seconds, report: waited.append(seconds))
    settings.CONSOLE_BACKUP_BYTES_PER_SECOND = 10
    assert do().status == JobStatus.COMPLETED
    backup.refresh_from_db()
    assert backup.data_size and max(waited) == pytest.approx(backup.data_size / 10, rel=0.1, abs=0.6)


def test_the_backup_fails_in_one_sentence_if_the_server_refuses(backup: Backup, home: Path, engine: Engine) -> None:
    def refuse(server: Server) -> None:
        raise EngineError("Another backup of this instance is open.")

    engine.opened = refuse
    assert failed(backup, home, engine) == "Another backup of this instance is open."


def test_a_cut_that_ends_while_it_is_copied_leaves_no_archive(backup: Backup, home: Path, engine: Engine) -> None:
    def breaking(cut: Cut) -> Cut:
        def read() -> Iterator[memoryview]:
            yield memoryview(b"half")
            raise EngineError("The database server is not responding on port 8635.")

        return replace(cut, members=[replace(next(iter(cut.members)), read=read)])

    engine.change = breaking
    assert failed(backup, home, engine) == "The database server is not responding on port 8635."


def test_a_cut_that_ended_before_everything_was_counted_leaves_no_archive(
    backup: Backup, home: Path, engine: Engine
) -> None:
    def gone(waiting: Callable[[], None] = nothing) -> Contents:
        raise EngineError("The server ended.")

    engine.change = lambda cut: replace(cut, contents=gone)
    assert failed(backup, home, engine) == "The server ended."


def test_a_cut_that_was_not_open_to_the_end_leaves_no_archive(backup: Backup, home: Path, engine: Engine) -> None:
    """The archive is complete by then, but is deleted all the same."""

    def gone() -> None:
        assert [path.suffix for path in (home / "backups").iterdir() if path.is_file()] == [".zst"]
        raise EngineError("The server ended.")

    engine.closing = gone
    assert failed(backup, home, engine) == "The server ended."


def test_insufficient_space_is_found_before_anything_is_written(
    backup: Backup, home: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def full(self: FolderStorage, size: int) -> None:
        asked.append(size)
        raise NotEnoughSpace("Only 3 bytes are free.")

    monkeypatch.setattr(FolderStorage, "require_space", full)
    monkeypatch.setattr(archive, "write", lambda *_: pytest.fail("written"))
    assert failed(backup, home, engine) == "Only 3 bytes are free."
    assert asked[0] > 0


def test_a_backup_cancelled_while_the_server_counts_ends_at_once(
    backup: Backup, home: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counting(waiting: Callable[[], None] = nothing) -> Contents:
        Job.objects.update(cancel_reason="cancelled by a test")
        while True:
            waiting()

    monkeypatch.setattr(Work, "REPORT_EVERY", 0.0)
    engine.change = lambda cut: replace(cut, contents=counting)
    assert cancelled(backup, home, engine) == "cancelled by a test"


def test_a_backup_cancelled_while_the_server_is_busy_ends_at_once(
    backup: Backup, home: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def busy(server: Server, waiting: Callable[[], None] = nothing) -> Iterator[Cut]:
        Job.objects.update(cancel_reason="cancelled by a test")
        while True:
            waiting()
        yield

    monkeypatch.setattr(Work, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(engine, "backup", busy)
    assert cancelled(backup, home, engine) == "cancelled by a test"
