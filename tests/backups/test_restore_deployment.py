"""The job of Restore to Original for an existing deployment, with real archives; only the deployment is fake."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus, RestorationStatus
from backups.jobs import exchanging
from backups.jobs.restore_to_original import RestoreToOriginal
from backups.models import Backup, Restoration
from backups.services.create import create_backup
from backups.services.restore import restore_to_original
from console.jobs import JOBS
from console.text.refused import Refused
from instances import engines
from instances.choices import Action, JobStatus, State, Status
from instances.engines.base import EngineError
from instances.homes import instance_home, instance_homes
from instances.models import Deployment, Instance, Job
from instances.queue.agent import Agent
from instances.queue.job import JobFailed, steps_of
from instances.queue.watcher import Check
from instances.queue.work import Work
from instances.services import delete_instance
from instances.services_deployments import edit_connection
from tests.backups.test_restore_jobs import WRONG, ended
from tests.engines import FakeDeployment, contents_of
from tests.factories import make_deployment
from tests.jobs import claimed, do, fail, fail_unrenewed, work_on

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


def test_a_restoration_that_touched_nothing_needs_no_settling(
    backup: Backup, engine: FakeDeployment, deployment: Deployment, htmx: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise EngineError(AWAY)

    engine.opened = refuse
    with monkeypatch.context() as patched:
        patched.setattr(RestoreToOriginal, "clean_up", refuse)
        job = restored(backup, safety_backup=True)
    assert (job.left_behind, Instance.objects.get().status) == (True, Status.RESTORING)
    assert not Instance.objects.get().is_unsettled
    assert "finishes or undoes" not in htmx.get(deployment.instance.get_absolute_url()).text
    for action in ("delete", "edit-connection"):
        dialog = htmx.get(reverse(f"instances:{action}", args=[deployment.pk])).text
        assert "An operation is running on the instance" in dialog and "interrupted" not in dialog
    steps_of(job, JOBS).clean_up()
    assert Instance.objects.get().status is Status.AVAILABLE


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


@pytest.fixture
def unsettled(backup: Backup, engine: FakeDeployment, deployment: Deployment) -> Job:
    """Return the job of a restoration whose deployment went away in the middle of the exchange."""
    engine.exchanging = gone(engine, deployment)
    return restored(backup)


def test_a_deployment_that_has_moved_is_settled_at_its_new_address(
    unsettled: Job, engine: FakeDeployment, deployment: Deployment, user: User
) -> None:
    moved = replace(deployment.access(), address="mongodb://elsewhere.example.org:27017/")
    edit_connection(instance=deployment.instance, access=moved, requested_by=user)
    assert do().status == JobStatus.COMPLETED
    assert Instance.objects.get().status is Status.RESTORING, "the test of the connection settles nothing"
    steps_of(unsettled, JOBS).clean_up()
    assert engine.data[moved.address].documents == 10
    assert watched(deployment).status is Status.AVAILABLE


def test_the_clean_up_of_an_earlier_restoration_leaves_a_running_one_alone(
    backup: Backup, engine: FakeDeployment, deployment: Deployment
) -> None:
    """A clean-up is repeated if it could not remove everything."""
    earlier, journal = restored(backup), instance_home(deployment.pk) / "exchange.json"
    seen = []

    def clean_up() -> None:
        before = journal.read_text()
        steps_of(earlier, JOBS).clean_up()
        seen.append(journal.exists() and journal.read_text() == before and Instance.objects.get().action)

    engine.loading = engine.exchanging = clean_up
    assert restored(backup).status == JobStatus.COMPLETED
    assert seen == [Action.RESTORE, Action.RESTORE]


def test_the_clean_up_of_an_earlier_restoration_leaves_an_unsettled_one_alone(
    backup: Backup, engine: FakeDeployment, deployment: Deployment
) -> None:
    earlier = restored(backup)
    engine.data[deployment.address] = contents_of(shop__numbers=20)
    engine.exchanging = gone(engine, deployment)
    later = restored(backup)
    engine.down.clear()
    steps_of(earlier, JOBS).clean_up()
    assert documents(engine) == 20 and Instance.objects.get().action == Action.RESTORE
    assert Restoration.objects.get(job=later).failure == AWAY
    steps_of(later, JOBS).clean_up()
    assert documents(engine) == 10 and watched(deployment).status is Status.AVAILABLE


def test_an_unsettled_restoration_says_why_and_what_helps(
    unsettled: Job, engine: FakeDeployment, deployment: Deployment, htmx: Client
) -> None:
    engine.down[deployment.address] = "Authentication failed."
    with pytest.raises(EngineError):
        steps_of(unsettled, JOBS).clean_up()
    page = htmx.get(deployment.instance.get_absolute_url()).text
    assert "Authentication failed." in page and "as soon as it reaches the deployment" in page
    Instance.objects.update(failure="")
    page = htmx.get(deployment.instance.get_absolute_url()).text
    assert "as soon as it reaches the deployment" in page and "<p></p>" not in page
    dialog = htmx.get(reverse("instances:edit-connection", args=[deployment.pk])).text
    assert "must lead to the same one" in dialog and 'name="address"' in dialog


def test_a_restoration_without_its_record_ends_and_leaves_the_data_as_it_is(
    unsettled: Job, engine: FakeDeployment, deployment: Deployment
) -> None:
    """The way out of one that cannot be settled."""
    (instance_home(deployment.pk) / "exchange.json").unlink()
    engine.down.clear()
    steps_of(unsettled, JOBS).clean_up()
    assert documents(engine) == 20 and watched(deployment).status is Status.AVAILABLE


def test_the_console_forgets_a_deployment_that_does_not_come_back(
    unsettled: Job, deployment: Deployment, htmx: Client
) -> None:
    url = reverse("instances:delete", args=[deployment.pk])
    assert "collections whose names begin with console.restore may be left" in htmx.get(url).text
    assert htmx.post(url, {"confirm": deployment.instance.name}).status_code == 204
    assert do().status == JobStatus.COMPLETED
    assert not Instance.objects.exists() and not list(instance_homes().iterdir())
    steps_of(Job.objects.get(pk=unsettled.pk), JOBS).clean_up()


def test_a_removal_that_fails_leaves_the_restoration_unsettled(
    unsettled: Job, engine: FakeDeployment, deployment: Deployment, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(home: Path) -> None:
        raise OSError("Input/output error")

    delete_instance(instance=deployment.instance, requested_by=user)
    with monkeypatch.context() as patched:
        patched.setattr(engines.embedded().files, "put_aside", fail)
        assert do().status == JobStatus.FAILED
    assert Instance.objects.get().status is Status.RESTORING
    engine.down.clear()
    steps_of(unsettled, JOBS).clean_up()
    assert documents(engine) == 10 and watched(deployment).status is Status.AVAILABLE


def test_an_agent_that_is_killed_in_mid_removal_leaves_the_restoration_unsettled(
    unsettled: Job, engine: FakeDeployment, deployment: Deployment, user: User
) -> None:
    delete_instance(instance=deployment.instance, requested_by=user)
    job = claimed()
    steps_of(job, JOBS).run(Work(job, None))  # type: ignore[arg-type]
    assert fail_unrenewed() == 1
    Agent(django_settings.CONSOLE_HOST, JOBS).sweep()
    assert Instance.objects.get().status is Status.RESTORING
    engine.down.clear()
    steps_of(unsettled, JOBS).clean_up()
    assert documents(engine) == 10 and watched(deployment).status is Status.AVAILABLE


@pytest.mark.parametrize("meanwhile", [False, True], ids=["removed before", "removed meanwhile"])
def test_the_clean_up_during_a_removal_that_fails_leaves_the_restoration_unsettled(
    unsettled: Job,
    engine: FakeDeployment,
    deployment: Deployment,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: bool,
) -> None:
    """An agent cleans up after restorations beside its jobs."""
    removals, settle = [], exchanging.settle

    def remove() -> None:
        delete_instance(instance=deployment.instance, requested_by=user)
        removals.append(claimed())
        steps_of(removals[0], JOBS).run(work_on(removals[0]))

    def settle_late(instance: Instance, tag: str) -> bool | None:
        remove()
        return settle(instance, tag)

    with monkeypatch.context() as patched:
        patched.setattr(exchanging, "settle", settle_late if meanwhile else pytest.fail)
        if not meanwhile:
            remove()
        with pytest.raises(JobFailed, match="being deleted"):
            steps_of(unsettled, JOBS).clean_up()
    fail(removals[0], "The console database does not respond.", left_behind=True)
    steps_of(removals[0], JOBS).clean_up()

    assert Instance.objects.get().status is Status.RESTORING
    engine.down.clear()
    steps_of(unsettled, JOBS).clean_up()
    assert documents(engine) == 10 and watched(deployment).status is Status.AVAILABLE


def test_while_the_job_of_the_restoration_runs_nothing_else_is_done(
    backup: Backup, deployment: Deployment, user: User
) -> None:
    restore_to_original(backup=backup, safety_backup=False, requested_by=None)
    for _step in (claimed, lambda: None):
        with pytest.raises(Refused, match="Restoring"):
            edit_connection(instance=deployment.instance, access=deployment.access(), requested_by=user)
        with pytest.raises(Refused, match="Restoring"):
            delete_instance(instance=deployment.instance, requested_by=user)
        _step()
    assert Instance.objects.get().action == Action.RESTORE


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
