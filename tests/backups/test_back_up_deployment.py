"""The job of Create Backup for an existing deployment, and its failures; only the deployment is fake."""

import itertools

import pytest
from cryptography.fernet import Fernet
from django.core.files.storage import storages
from pytest_django import Settings

from backups import archive
from backups.choices import BackupMethod, BackupStatus
from backups.models import Backup
from backups.services.cancel import cancel_backup
from backups.services.create import create_backup
from instances import engines
from instances.choices import JobStatus, Status
from instances.engines.base import NOT_ONE_MOMENT, ONE_MOMENT, EngineError
from instances.models import Deployment, Instance
from instances.queue.pace import Amount
from instances.queue.work import Work
from instances.services import delete_instance
from tests.backups.test_restore_jobs import Servers
from tests.engines import FakeDeployment, contents_of
from tests.factories import make_deployment
from tests.jobs import do

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
PASSWORD = "opensesame"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeDeployment:
    made = FakeDeployment()
    monkeypatch.setitem(engines.ENGINES, "deployment", made)
    return made


@pytest.fixture
def deployment(engine: FakeDeployment) -> Deployment:
    """Return a deployment with 12 documents."""
    made = make_deployment(password=PASSWORD, user="backup")
    engine.data[made.address] = contents_of(shop__orders=10, users__people=2)
    return made


@pytest.fixture
def backup(deployment: Deployment) -> Backup:
    return create_backup(instance=deployment.instance, name="nightly", requested_by=None)


def failed(backup: Backup) -> str:
    """Do the job, which fails; return its reason. Assert that it left no archive, and an instance as before."""
    job = do()
    backup.refresh_from_db()
    assert (job.status, backup.status, backup.failure) == (JobStatus.FAILED, BackupStatus.FAILED, job.failure)
    assert not storages["backups"].exists(backup.archive_name)
    assert Instance.objects.get().status is Status.AVAILABLE
    return str(job.failure)


@pytest.mark.parametrize(("ways", "consistency"), [(["transaction"], ONE_MOMENT), ([], NOT_ONE_MOMENT)])
def test_the_archive_says_what_was_backed_up_and_how(
    deployment: Deployment, engine: FakeDeployment, ways: list[str], consistency: str
) -> None:
    Deployment.objects.update(ways=ways, any_moment=True)
    backup = create_backup(instance=deployment.instance, name="nightly", requested_by=None)
    assert (do().status, engine.accesses[0].password) == (JobStatus.COMPLETED, PASSWORD)
    backup.refresh_from_db()
    manifest = archive.read_manifest(storages["backups"], backup.archive_name)
    assert (manifest.engine, manifest.engine_version, manifest.members) == ("MongoDB", "8.0.4", None)
    assert (manifest.method, manifest.consistency) == (backup.method, backup.consistency)
    assert (backup.method, backup.consistency) == (BackupMethod.LOGICAL, consistency)
    assert sum(database.documents for database in backup.databases) == 12
    assert Instance.objects.get().status is Status.AVAILABLE


def test_a_deployment_that_refuses_fails_the_backup_in_its_own_words(backup: Backup, engine: FakeDeployment) -> None:
    def refuse(access: object) -> None:
        raise EngineError("Nobody knows this password.")

    engine.opened = refuse
    assert failed(backup) == "Nobody knows this password."


def test_a_deployment_that_ends_in_the_middle_leaves_no_archive(backup: Backup, engine: FakeDeployment) -> None:
    def end(number: int, waiting: object) -> None:
        if number == 2:
            raise EngineError("It has gone away.")

    engine.streamed = end
    assert failed(backup) == "It has gone away."


def test_a_lost_credential_key_asks_for_the_password(backup: Backup, settings: Settings) -> None:
    settings.CONSOLE_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    assert "Enter the password again" in failed(backup)


@pytest.mark.parametrize("estimate", [0.0, 0.5, 1.0, 3.0])
def test_the_progress_never_goes_back_however_wrong_the_estimate_is(
    backup: Backup, engine: FakeDeployment, estimate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    def note(work: Work, percent: float, amount: Amount | None = None) -> None:
        seen.append(percent)
        assert amount is None or amount.done < amount.total

    # While the deployment is slow, the engine reports that it is waiting.
    engine.streamed = lambda number, waiting: waiting()
    engine.estimate = estimate
    monkeypatch.setattr(Work, "report", note)
    assert do().status == JobStatus.COMPLETED
    assert len(seen) >= 5 and max(seen) < 101
    assert all(before <= after for before, after in itertools.pairwise(seen))


def test_a_cancelled_backup_ends_while_the_deployment_is_silent(backup: Backup, engine: FakeDeployment) -> None:
    def wait(number: int, waiting: object) -> None:
        cancel_backup(backup=Backup.objects.get(), requested_by=None)
        assert callable(waiting)
        for _ in range(100):
            waiting()
        raise AssertionError("the wait did not end")

    engine.streamed = wait

    class Impatient(Work):
        REPORT_EVERY = 0.0

    assert do(work=Impatient).status == JobStatus.CANCELLED
    backup.refresh_from_db()
    assert backup.status == BackupStatus.CANCELLED and not storages["backups"].exists(backup.archive_name)


@pytest.mark.parametrize("final_backup", [False, True])
def test_a_removed_deployment_is_only_forgotten(
    deployment: Deployment, engine: FakeDeployment, final_backup: bool
) -> None:
    servers, before = Servers(), dict(engine.data)
    delete_instance(instance=deployment.instance, final_backup=final_backup, requested_by=None)
    job = do(servers)
    assert (job.status, job.failure, job.left_behind) == (JobStatus.COMPLETED, "", False)
    assert not Instance.objects.exists() and not Deployment.objects.exists()
    assert Backup.objects.filter(method=BackupMethod.LOGICAL, status=BackupStatus.COMPLETED).count() == final_backup
    assert engine.data == before and not servers.running and not servers.stopped


def test_a_deployment_whose_final_backup_fails_is_kept(deployment: Deployment, engine: FakeDeployment) -> None:
    def refuse(access: object) -> None:
        raise EngineError("Nobody knows this password.")

    engine.opened = refuse
    delete_instance(instance=deployment.instance, final_backup=True, requested_by=None)
    job = do(Servers())
    assert "Nobody knows this password." in job.failure
    assert Instance.objects.get().status is Status.AVAILABLE
