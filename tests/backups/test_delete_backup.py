"""Delete one backup or the selected ones: the services, the dialogs and the job."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.choices import BackupStatus, BackupType
from backups.jobs.delete import DeleteBackup
from backups.models import Backup
from backups.services.delete import delete_backup
from backups.storage.base import StorageFailed
from console.text.refused import Refused
from instances.choices import JobKind, JobStatus
from instances.models import Instance, Job
from instances.queue.job import JobFailed
from tests.factories import make_backup, make_instance, make_policy
from tests.jobs import claimed, do, fail, work_on

pytestmark = pytest.mark.django_db
SELECTED = reverse("backups:delete-selected")


def url(backup: Backup) -> str:
    return reverse("backups:delete", args=[backup.id])


def status(backup: Backup) -> str:
    return Backup.objects.get(pk=backup.pk).status


# --- The service ---------------------------------------------------------------------------------------


def test_a_manual_backup_is_deleting_with_a_queued_job(user: User) -> None:
    backup = make_backup()
    delete_backup(backup=backup, requested_by=user)
    assert status(backup) == BackupStatus.DELETING
    job = Job.objects.get()
    assert (job.kind, job.requested_by, job.instance, job.backup) == (JobKind.DELETE_BACKUP, user, None, backup)


def test_a_failed_backup_and_one_of_a_deleted_instance_can_be_deleted(user: User) -> None:
    failed, orphan = make_backup(status=BackupStatus.FAILED), make_backup(type=BackupType.AUTOMATED)
    Instance.objects.filter(pk=orphan.instance_id).delete()
    for backup in (failed, orphan):
        current = Backup.objects.get(pk=backup.pk)
        assert current.delete_refusal == ""
        delete_backup(backup=current, requested_by=user)
        assert status(backup) == BackupStatus.DELETING


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"status": BackupStatus.BUILDING}, "still being made"),
    ({"status": BackupStatus.DELETING}, "is being deleted"),
    ({"locked": True}, "is locked"),
    ({"type": BackupType.AUTOMATED}, "only while the policy is off"),
]


@pytest.mark.parametrize(("fields", "said"), REFUSED, ids=str)
def test_a_refused_deletion_gives_the_reason(user: User, fields: dict[str, Any], said: str) -> None:
    backup = make_backup(**fields)
    with pytest.raises(Refused, match=said) as refusal:
        delete_backup(backup=backup, requested_by=user)
    assert backup.delete_refusal == str(refusal.value.message)
    assert status(backup) == backup.status
    assert not Job.objects.exists()


def test_an_automated_backup_can_be_deleted_once_the_policy_is_disabled(user: User) -> None:
    instance = make_instance()
    make_policy(instance, enabled=False)
    backup = make_backup(instance, type=BackupType.AUTOMATED)
    delete_backup(backup=backup, requested_by=user)
    assert status(backup) == BackupStatus.DELETING


def test_a_second_deletion_is_refused_and_there_is_only_one_job(user: User) -> None:
    stale = make_backup()
    delete_backup(backup=Backup.objects.get(), requested_by=user)
    with pytest.raises(Refused, match="is being deleted"):
        delete_backup(backup=stale, requested_by=user)
    assert Job.objects.count() == 1


def test_deleting_a_missing_backup_is_refused(user: User) -> None:
    stale = make_backup()
    Backup.objects.all().delete()
    with pytest.raises(Refused, match="no longer exists"):
        delete_backup(backup=stale, requested_by=user)


# --- The job -------------------------------------------------------------------------------------------

CONTENT = b"an archive"


def with_archive(**fields: Any) -> Backup:
    backup = make_backup(size=len(CONTENT), sha256="0" * 64, ended=timezone.now() - timedelta(days=1), **fields)
    storages["backups"].save(backup.archive_name, ContentFile(CONTENT))
    return backup


def test_the_job_deletes_the_archive_and_the_row(user: User) -> None:
    backup = with_archive()
    delete_backup(backup=backup, requested_by=user)
    assert do().status == JobStatus.COMPLETED
    assert not Backup.objects.exists()
    assert not storages["backups"].exists(backup.archive_name)


def test_if_the_archive_cannot_be_deleted_the_backup_stays_complete(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise PermissionError(13, "Permission denied")

    backup = with_archive()
    delete_backup(backup=backup, requested_by=user)
    monkeypatch.setattr(storages["backups"], "delete", refuse)
    job = do()
    reason = "The archive could not be deleted: Permission denied."
    assert (job.status, job.failure) == (JobStatus.FAILED, reason)
    ended = backup.ended
    backup.refresh_from_db()
    assert (backup.status, backup.failure, backup.ended) == (BackupStatus.COMPLETED, reason, ended)
    monkeypatch.undo()

    delete_backup(backup=backup, requested_by=user)
    do()
    assert not Backup.objects.exists()


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_deletion_that_fails_keeps_the_mark_of_damage(
    user: User, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    def refuse(name: str) -> None:
        raise PermissionError(13, "Permission denied")

    backup = with_archive(damage="Its SHA-256 differs.")
    delete_backup(backup=backup, requested_by=user)
    monkeypatch.setattr(storages["backups"], "delete", refuse)
    if interrupted:
        job = claimed()
        fail(job, "The agent stopped while this was running.", left_behind=True)
        assert not Backup.objects.damaged().exists(), "only Complete backups count"
        DeleteBackup(job).clean_up()
    else:
        do()
    backup.refresh_from_db()
    assert (backup.status, backup.damage) == (BackupStatus.COMPLETED, "Its SHA-256 differs.")
    assert list(Backup.objects.damaged()) == [backup] and Instance.objects.get().last_backup_at is None


def test_a_backup_is_failed_until_the_storage_answers_and_then_complete_again(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise StorageFailed("the S3 storage is not responding")

    backup = with_archive()
    delete_backup(backup=backup, requested_by=user)
    job = claimed()
    steps = DeleteBackup(job)
    for use in ("delete", "exists"):
        monkeypatch.setattr(storages["backups"], use, refuse)
    with pytest.raises(JobFailed, match=r"could not be deleted: the S3 storage is not responding\.") as raised:
        steps.run(work_on(job))
    fail(job, str(raised.value), left_behind=True)
    assert status(backup) == BackupStatus.FAILED
    with pytest.raises(StorageFailed):
        steps.clean_up()
    monkeypatch.undo()
    steps.clean_up()
    assert status(backup) == BackupStatus.COMPLETED


def test_a_deletion_interrupted_before_it_reaches_the_archive_leaves_the_backup_complete(user: User) -> None:
    backup = with_archive()
    delete_backup(backup=backup, requested_by=user)
    job = claimed()
    fail(job, "The agent stopped while this was running.", left_behind=True)
    assert status(backup) == BackupStatus.FAILED
    DeleteBackup(job).clean_up()
    assert status(backup) == BackupStatus.COMPLETED


def test_a_deletion_interrupted_after_the_archive_is_deleted_leaves_the_backup_failed(user: User) -> None:
    backup = with_archive()
    delete_backup(backup=backup, requested_by=user)
    job = claimed()
    storages["backups"].delete(backup.archive_name)
    fail(job, "The agent stopped while this was running.", left_behind=True)
    DeleteBackup(job).clean_up()
    backup.refresh_from_db()
    assert (backup.status, backup.failure) == (BackupStatus.FAILED, "The agent stopped while this was running.")
    delete_backup(backup=backup, requested_by=user)
    do()
    assert not Backup.objects.exists()


# --- The dialogs ---------------------------------------------------------------------------------------


def test_the_confirmation_names_the_backup_and_what_will_be_deleted(htmx: Client) -> None:
    html = htmx.get(url(make_backup(make_instance(name="orders"), name="nightly"))).content.decode()
    assert "<html" not in html
    for text in ("Delete Backup", "<strong>nightly</strong>", "orders", "permanently deleted", "Yes"):
        assert text in html, text


def test_yes_deletes_and_refreshes_the_lists(htmx: Client) -> None:
    backup = make_backup()
    answer = htmx.post(url(backup))
    assert answer.status_code == 204
    events = json.loads(answer.headers["HX-Trigger"])
    assert events["toast"]["message"] == "Deleting 1 backup."
    assert {"dialog-close", "refresh"} <= events.keys()
    assert status(backup) == BackupStatus.DELETING


def test_yes_without_javascript_returns_to_the_list(plain: Client) -> None:
    backup = make_backup()
    assert "<html" in plain.get(url(backup)).content.decode()
    assert plain.post(url(backup), follow=True).redirect_chain == [(reverse("backups:list"), 302)]


@pytest.mark.parametrize(("fields", "said"), REFUSED, ids=str)
def test_the_dialog_says_why_deletion_is_refused(htmx: Client, fields: dict[str, Any], said: str) -> None:
    backup = make_backup(**fields)
    asked = htmx.get(url(backup))
    assert asked.status_code == 200
    assert said in asked.content.decode() and 'type="submit"' not in asked.content.decode()
    answer = htmx.post(url(backup))
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_the_selected_backups_are_deleted_after_a_confirmation(htmx: Client) -> None:
    backups, spared = [make_backup(name=f"number-{n}") for n in range(3)], make_backup(name="not-this-one")
    ids = {"id": [backup.id for backup in backups]}
    html = htmx.get(SELECTED, ids).content.decode()
    assert "3 backups" in html and all(backup.name in html for backup in backups) and spared.name not in html
    assert html.count('type="hidden" name="id"') == 3
    answer = htmx.post(SELECTED, ids)
    assert answer.status_code == 204
    assert json.loads(answer.headers["HX-Trigger"])["toast"]["message"] == "Deleting 3 backups."
    assert {status(backup) for backup in backups} == {BackupStatus.DELETING}
    assert status(spared) == BackupStatus.COMPLETED


def test_selected_backups_that_cannot_be_deleted_are_listed_with_the_reason(htmx: Client) -> None:
    free, locked = make_backup(name="free-one"), make_backup(name="locked-one", locked=True)
    ids = {"id": [free.id, locked.id]}
    html = htmx.get(SELECTED, ids).content.decode()
    assert "1 backup stays" in html and "This backup is locked" in html
    answer = htmx.post(SELECTED, ids)
    assert answer.status_code == 422
    assert answer.headers["HX-Trigger"] == "refresh"
    html = answer.content.decode()
    assert "Deleting 1 backup." in html and "locked-one" in html and 'type="submit"' not in html
    assert (status(free), status(locked)) == (BackupStatus.DELETING, BackupStatus.COMPLETED)


@pytest.mark.parametrize("ids", [[], ["nothing"], ["\x00"]], ids=str)
def test_an_empty_selection_is_explained(htmx: Client, plain: Client, ids: list[str]) -> None:
    for browser in (htmx, plain):
        answer = browser.get(SELECTED, {"id": ids})
        assert answer.status_code == 200 and "Select at least one" in answer.content.decode()
        assert browser.post(SELECTED, {"id": ids}).status_code == 422


def test_rows_that_can_be_deleted_have_checkboxes(plain: Client) -> None:
    free, locked = make_backup(), make_backup(locked=True)
    for path in (reverse("backups:list"), reverse("backups:instance", args=[locked.instance_id])):
        html = plain.get(path).content.decode()
        box = html.split(f'id="select-{locked.id}"')[1].split(">")[0]
        assert "disabled" in box
        assert 'form="selection"' in html and '<form id="selection"' in html
    box = plain.get(reverse("backups:list")).content.decode().split(f'id="select-{free.id}"')[1].split(">")[0]
    assert "disabled" not in box


def test_opening_the_dialog_changes_nothing(htmx: Client) -> None:
    backup = make_backup()
    htmx.get(url(backup))
    htmx.get(SELECTED, {"id": backup.id})
    assert status(backup) == BackupStatus.COMPLETED


def test_unknown_wrong_method_and_signed_out(htmx: Client, client: Client) -> None:
    backup = make_backup()
    assert htmx.get("/backups/nothing/delete/").status_code == 404
    assert htmx.post("/backups/nothing/delete/").status_code == 404
    assert htmx.put(url(backup)).status_code == htmx.put(SELECTED).status_code == 405
    assert client.post(url(backup)).status_code == 302
    assert client.post(SELECTED, {"id": backup.id}).status_code == 401
    assert status(backup) == BackupStatus.COMPLETED
