"""The final backup of an instance that is deleted: the instance goes only when that backup is Complete."""

import errno
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus, BackupType
from backups.jobs.delete_instance import DeleteInstanceWithBackups
from backups.models import Backup
from backups.services.cancel import cancel_backup
from backups.services.verify import verify_backup
from console.audit.models import AuditEvent
from console.text.refused import Refused
from instances.choices import Action, JobKind, JobStatus, State, Status
from instances.engines.base import EngineError, Server
from instances.engines.embedded import process
from instances.homes import instance_home
from instances.models import Instance, Job
from instances.queue.supervisor import StartFailed
from instances.queue.work import Work
from instances.services import delete_instance
from tests.backups.test_restore_jobs import Servers, data, documents
from tests.engines import FakeEngine, contents_of, fill
from tests.factories import make_backup, make_instance
from tests.jobs import claimed, do, fail_unrenewed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "engine")]


@pytest.fixture
def instance(home: Any) -> Instance:
    instance = make_instance(name="orders")
    process.prepare(instance_home(instance.id))
    fill(data(instance), contents_of(shop__numbers=20))
    return instance


@pytest.fixture
def automated(instance: Instance) -> Backup:
    return make_backup(instance, type=BackupType.AUTOMATED)


@pytest.fixture
def deleting(instance: Instance, automated: Backup, user: User) -> Backup:
    """Request the deletion with a final backup; return that backup."""
    delete_instance(instance=instance, final_backup=True, requested_by=user)
    return Backup.objects.get(type=BackupType.MANUAL)


def assert_kept(instance: Instance, automated: Backup, reason: str) -> None:
    """Check that the instance and its automated backups are as before, and that its task says why."""
    instance.refresh_from_db()
    automated.refresh_from_db()
    job = Job.objects.get(kind=JobKind.DELETE_INSTANCE)
    assert (instance.status, instance.failure, documents(instance)) == (Status.AVAILABLE, "", 20)
    assert automated.status == BackupStatus.COMPLETED
    assert job.ended and reason in job.failure
    final = Backup.objects.get(job=job)
    assert final.ended and reason in final.failure and final.status != BackupStatus.BUILDING


def test_one_request_records_the_backup_and_the_deletion(deleting: Backup, automated: Backup, user: User) -> None:
    instance = Instance.objects.get()
    job = Job.objects.get()
    assert (instance.status, job.kind, deleting.job) == (Status.DELETING, JobKind.DELETE_INSTANCE, job)
    assert (deleting.status, deleting.type) == (BackupStatus.BUILDING, BackupType.MANUAL)
    assert deleting.name.startswith("final-orders-2") and deleting.description == "Made before the instance was deleted"
    assert job.parameters["backup"] == deleting.id
    automated.refresh_from_db()
    assert automated.status == BackupStatus.COMPLETED
    assert {(event.trace, event.user_name) for event in AuditEvent.objects.all()} == {
        ("ddsCreateBackup", user.username),
        ("ddsDeleteInstance", user.username),
    }


def test_the_instance_goes_once_its_final_backup_is_complete(
    deleting: Backup, automated: Backup, instance: Instance
) -> None:
    servers, done = Servers(), []

    class Watched(DeleteInstanceWithBackups):
        def completed(self, result: None) -> None:
            done.append(Backup.objects.get(pk=deleting.pk).status)
            super().completed(result)

    job = do(servers, kind=Watched)
    assert (job.status, done) == (JobStatus.COMPLETED, [BackupStatus.COMPLETED])
    deleting.refresh_from_db()
    automated.refresh_from_db()
    assert (deleting.status, deleting.instance_id, deleting.instance_name) == (BackupStatus.COMPLETED, None, "orders")
    assert deleting.size and deleting.sha256 and automated.status == BackupStatus.DELETING
    assert not Instance.objects.exists() and not instance_home(instance.id).exists()
    assert servers.stopped == [instance.id]


def test_a_final_backup_that_fails_keeps_the_instance(
    deleting: Backup, automated: Backup, instance: Instance, engine: FakeEngine
) -> None:
    def full(server: Server) -> None:
        raise EngineError("no space left")

    engine.opened, servers = full, Servers()
    job = do(servers)
    assert job.failure == "The instance was kept, because its final backup was not made: no space left"
    assert_kept(instance, automated, "no space left")
    assert servers.stopped == [], "clients keep their connections"


def test_an_unreachable_storage_keeps_the_instance(
    deleting: Backup, automated: Backup, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr("backups.jobs.archiving.archive.write", broken)
    do(Servers())
    assert_kept(instance, automated, "")


def test_a_server_that_does_not_start_keeps_the_instance(deleting: Backup, automated: Backup) -> None:
    """Check this for an agent that was restarted while the job was queued: it has not started the server."""
    servers = Servers()

    def broken(home: object) -> None:
        raise StartFailed("the port is taken")

    servers.when_started = broken
    assert "the port is taken" in do(servers).failure
    assert Instance.objects.get().action == Action.NONE


def test_cancelling_the_queued_backup_keeps_the_instance(
    deleting: Backup, automated: Backup, instance: Instance, user: User
) -> None:
    cancel_backup(backup=deleting, requested_by=user)
    assert_kept(instance, automated, f"cancelled by {user.username}")


def test_cancelling_the_running_backup_keeps_the_instance(
    deleting: Backup, automated: Backup, instance: Instance, engine: FakeEngine, user: User
) -> None:
    engine.opened = lambda server: cancel_backup(backup=Backup.objects.get(pk=deleting.pk), requested_by=user)

    class Eager(Work):
        REPORT_EVERY = 0.0

    do(Servers(), work=Eager)
    assert_kept(instance, automated, f"cancelled by {user.username}")


def test_an_agent_killed_during_the_backup_leaves_the_instance_available(
    deleting: Backup, automated: Backup, instance: Instance
) -> None:
    claimed()
    assert fail_unrenewed() == 1
    assert_kept(instance, automated, "The agent stopped")


def test_an_agent_killed_between_the_backup_and_the_deletion_leaves_both(
    deleting: Backup, automated: Backup, instance: Instance
) -> None:
    class Killed(BaseException):
        pass

    class Dies(Servers):
        def stop(self, instance_id: str) -> None:
            raise Killed

    job = claimed()
    with pytest.raises(Killed):
        DeleteInstanceWithBackups(job).run(Work(job, Dies()))  # type: ignore[arg-type]
    assert fail_unrenewed() == 1
    deleting.refresh_from_db()
    instance.refresh_from_db()
    job.refresh_from_db()
    DeleteInstanceWithBackups(job).clean_up()
    assert (deleting.status, deleting.instance) == (BackupStatus.COMPLETED, instance)
    # The server has died with the agent; the supervisor makes the instance Available when it has started it again.
    assert (instance.state, instance.action, documents(instance)) == (State.ABNORMAL, Action.NONE, 20)
    assert job.status == JobStatus.FAILED and "agent stopped" in job.failure


def test_an_automated_backup_in_use_refuses_the_deletion(instance: Instance, automated: Backup, user: User) -> None:
    verify_backup(backup=automated, requested_by=user)
    with pytest.raises(Refused, match="being restored or verified"):
        delete_instance(instance=instance, final_backup=True, requested_by=user)
    instance.refresh_from_db()
    assert instance.action == Action.NONE and Backup.objects.count() == 1


def test_an_automated_backup_used_meanwhile_keeps_the_instance_and_the_final_backup(
    deleting: Backup, automated: Backup, instance: Instance, user: User
) -> None:
    Backup.objects.filter(pk=automated.pk).update(uses=1)
    job = do(Servers())
    assert job.status == JobStatus.FAILED and "being restored or verified" in job.failure
    deleting.refresh_from_db()
    assert deleting.status == BackupStatus.COMPLETED and Instance.objects.get().action == Action.NONE


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"state": State.ABNORMAL}, "No backup can be made now"), ({"action": Action.BACKUP}, "operation is running")],
    ids=["abnormal", "busy"],
)
def test_an_instance_that_is_not_available_has_no_final_backup(user: User, fields: Any, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refusal:
        delete_instance(instance=make_instance(**fields), final_backup=True, requested_by=user)
    assert refusal.value.field == ("final_backup" if "state" in fields else None)
    assert not Backup.objects.exists() and not Job.objects.exists()


# --- The dialog ----------------------------------------------------------------------------------------


def url(instance: Instance) -> str:
    return reverse("instances:delete", args=[instance.id])


def test_the_dialog_offers_a_final_backup_and_ticks_it(htmx: Client, instance: Instance) -> None:
    box = htmx.get(url(instance)).context["form"]["final_backup"]
    assert (box.label, box.value()) == ("Create a final backup", True) and "disabled" not in str(box)


def test_ok_with_the_box_ticked_makes_the_backup(htmx: Client, instance: Instance) -> None:
    assert htmx.post(url(instance), {"confirm": "orders", "final_backup": "on"}).status_code == 204
    assert Backup.objects.get().status == BackupStatus.BUILDING


def test_the_dialog_of_an_abnormal_instance_says_why_it_offers_no_backup(htmx: Client) -> None:
    instance = make_instance(name="orders", state=State.ABNORMAL)
    html = htmx.get(url(instance)).content.decode()
    box = htmx.get(url(instance)).context["form"]["final_backup"]
    assert box.value() is False and "disabled" in str(box)
    assert "No backup can be made now. The instance is: Abnormal." in html
    assert htmx.post(url(instance), {"confirm": "orders"}).status_code == 204
    assert not Backup.objects.exists()


def test_an_instance_that_went_down_meanwhile_is_not_deleted_without_the_backup_that_was_ticked(htmx: Client) -> None:
    instance = make_instance(name="orders", state=State.ABNORMAL)
    answer = htmx.post(url(instance), {"confirm": "orders", "final_backup": "on"})
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"final_backup": ["No backup can be made now. The instance is: Abnormal."]}
    assert "disabled" not in str(answer.context["form"]["final_backup"])
    instance.refresh_from_db()
    assert instance.action == Action.NONE


def test_the_cancel_dialog_of_a_final_backup_says_that_the_instance_stays(deleting: Backup, htmx: Client) -> None:
    html = htmx.get(reverse("backups:cancel", args=[deleting.id])).content.decode()
    assert "orders is not deleted" in html.replace("<strong>", "").replace("</strong>", "")


@pytest.mark.parametrize(("final_backup", "progress"), [(True, 90), (False, 10)])
def test_the_progress_before_the_removal_counts_only_a_backup_that_was_made(
    instance: Instance, user: User, final_backup: bool, progress: int
) -> None:
    seen = []

    class Watched(DeleteInstanceWithBackups):
        def _remove(self, work: Work) -> None:
            seen.append(Job.objects.get(pk=self.job.pk).progress)
            super()._remove(work)

    delete_instance(instance=instance, final_backup=final_backup, requested_by=user)
    do(Servers(), kind=Watched)
    assert seen == [progress]
