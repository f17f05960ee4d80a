"""The job of Restore to Original for an existing deployment, with real archives; only the deployment is fake."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connections

from backups.choices import BackupStatus, RestorationStatus
from backups.models import Backup, Restoration
from backups.services.create import create_backup
from backups.services.restore import restore_to_original
from console.jobs import JOBS
from instances import engines
from instances.choices import Action, JobStatus, State, Status
from instances.engines.base import EngineError
from instances.homes import instance_home, instance_homes
from instances.models import Deployment, Instance, Job
from instances.queue.agent import Agent
from instances.queue.job import steps_of
from instances.queue.watcher import Check
from instances.queue.work import Work
from tests.backups.test_restore_jobs import WRONG, ended
from tests.engines import FakeDeployment, contents_of
from tests.factories import make_deployment
from tests.jobs import claimed, do, fail_unrenewed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
AWAY = "The deployment has gone away."


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeDeployment:
    made = FakeDeployment()
    monkeypatch.setitem(engines.ENGINES, "deployment", made)
    return made


@pytest.fixture
def deployment(engine: FakeDeployment) -> Deployment:
    return make_deployment()


@pytest.fixture
def backup(deployment: Deployment, engine: FakeDeployment) -> Backup:
    """Return a backup with 10 documents, of a deployment that now has 20."""
    engine.data[deployment.address] = contents_of(shop__numbers=10)
    made = create_backup(instance=deployment.instance, name="nightly", requested_by=None)
    assert do().status == JobStatus.COMPLETED
    engine.data[deployment.address] = contents_of(shop__numbers=20)
    made.refresh_from_db()
    return made


def documents(engine: FakeDeployment) -> int:
    [contents] = engine.data.values()
    return contents.documents


def restored(backup: Backup, *, safety_backup: bool = False) -> Job:
    restore_to_original(backup=backup, safety_backup=safety_backup, requested_by=None)
    return do()


def watched(deployment: Deployment) -> Instance:
    """Return the instance as the watcher shows it after two checks."""
    check = Check(deployment.pk, tuple)
    check.check()
    check.check()
    return Instance.objects.get()


def test_the_deployment_has_the_data_of_the_backup(
    backup: Backup, engine: FakeDeployment, deployment: Deployment
) -> None:
    job = restored(backup)
    assert (job.status, job.failure, job.left_behind) == (JobStatus.COMPLETED, "", False)
    assert ended(job).status == RestorationStatus.COMPLETED
    assert documents(engine) == 10
    instance = Instance.objects.get()
    assert (instance.status, instance.failure, instance.password_set) == (Status.AVAILABLE, "", False)
    assert not list(instance_homes().iterdir()), "a deployment has no files here"


def test_the_safety_backup_is_made_first(backup: Backup, engine: FakeDeployment) -> None:
    seen = []
    engine.loading = lambda: seen.append(Backup.objects.exclude(pk=backup.pk).get().status)
    assert restored(backup, safety_backup=True).status == JobStatus.COMPLETED
    assert seen == [BackupStatus.COMPLETED]
    safety = Backup.objects.exclude(pk=backup.pk).get()
    assert (safety.method, safety.databases[0].documents) == (backup.method, 20)
    assert Restoration.objects.get().safety_backup_id == safety.pk


def test_a_safety_backup_that_fails_stops_the_restore(backup: Backup, engine: FakeDeployment) -> None:
    def refuse(access: object) -> None:
        raise EngineError(AWAY)

    engine.opened = refuse
    job = restored(backup, safety_backup=True)
    ended(job, f"The safety backup failed, so nothing was changed: {AWAY}")
    assert documents(engine) == 20 and Instance.objects.get().status is Status.AVAILABLE


@pytest.mark.parametrize(("damage", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_archive_changes_nothing(
    backup: Backup,
    engine: FakeDeployment,
    deployment: Deployment,
    home: Path,
    damage: Callable[[Backup, Path], None],
    said: str,
) -> None:
    damage(backup, home / "backups" / backup.archive_name)
    job = restored(backup)
    ended(job, said)
    assert job.failure.startswith("Nothing was changed: ") and documents(engine) == 20
    assert watched(deployment).status is Status.AVAILABLE
    backup.refresh_from_db()
    assert bool(backup.damage) is ("newer" not in said)


def test_a_load_that_fails_changes_nothing(backup: Backup, engine: FakeDeployment, deployment: Deployment) -> None:
    def refuse() -> None:
        raise EngineError("There is no room.")

    engine.loading = refuse
    ended(restored(backup), "Nothing was changed: There is no room.")
    assert documents(engine) == 20
    assert watched(deployment).status is Status.AVAILABLE


def gone(engine: FakeDeployment, deployment: Deployment) -> Callable[[], None]:
    def go() -> None:
        engine.down[deployment.address] = AWAY
        raise EngineError(AWAY)

    return go


@pytest.mark.parametrize(
    ("exchanging", "documents_after", "said"),
    [(False, 20, "it has the data from before"), (True, 10, "it has the restored data")],
    ids=["while loading", "while exchanging"],
)
def test_a_deployment_that_goes_away_is_settled_when_it_is_back(
    backup: Backup,
    engine: FakeDeployment,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    exchanging: bool,
    documents_after: int,
    said: str,
) -> None:
    setattr(engine, "exchanging" if exchanging else "loading", gone(engine, deployment))
    job = restored(backup)
    assert (job.status, job.failure, job.left_behind) == (JobStatus.FAILED, AWAY, True)
    instance = watched(deployment)
    assert (instance.status, instance.state, instance.failure) == (Status.RESTORING, State.RESTORE_FAILED, AWAY)
    [record] = [record for record in caplog.records if "Cleaning up" in record.message]
    assert AWAY in record.message and not record.exc_info

    # A new agent does not end Restoring before it is certain what the deployment has.
    agent = Agent("local", JOBS)
    agent.sweep()
    assert Instance.objects.get().action == Action.RESTORE
    monkeypatch.setattr(connections, "close_all", lambda: None)
    with pytest.raises(EngineError):
        steps_of(job, JOBS).clean_up()

    engine.down.clear()
    steps_of(job, JOBS).clean_up()
    assert documents(engine) == documents_after
    restoration = Restoration.objects.get()
    assert restoration.failure.startswith(AWAY) and said in restoration.failure
    assert watched(deployment).status is Status.AVAILABLE
    assert not instance_home(deployment.pk).exists()


def test_a_killed_agent_leaves_the_restoration_to_the_next_one(
    backup: Backup, engine: FakeDeployment, deployment: Deployment
) -> None:
    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    engine.exchanging = kill
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    job = claimed()
    with pytest.raises(Killed):
        steps_of(job, JOBS).run(Work(job, None))  # type: ignore[arg-type]
    assert fail_unrenewed() == 1
    assert Instance.objects.get().status is Status.RESTORING
    Agent(django_settings.CONSOLE_HOST, JOBS).sweep()
    assert Instance.objects.get().status is Status.RESTORING
    steps_of(Job.objects.get(pk=job.pk), JOBS).clean_up()
    assert documents(engine) == 10
    restoration = Restoration.objects.get()
    assert (restoration.status, "it has the restored data" in restoration.failure) == (RestorationStatus.FAILED, True)
