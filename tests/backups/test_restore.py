"""Restore and Verify: the services and the dialogs."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus, BackupType, RestorationStatus, RestorationWay
from backups.models import Backup, Restoration
from backups.services.restore import restore_to_new_instance, restore_to_original
from backups.services.verify import verify_backup
from console.text.refused import Refused
from instances.choices import Action, InstanceType, JobKind, JobStatus, State, Status, Step
from instances.models import Instance, Job
from tests.factories import make_backup, make_instance, make_job, reading

pytestmark = pytest.mark.django_db

NOT_COMPLETE = [BackupStatus.BUILDING, BackupStatus.FAILED, BackupStatus.DELETING]
BUSY = [{"action": action} for action in Action if action] + [{"state": State.CREATING}]


def url(name: str, backup: Backup) -> str:
    return reverse(f"backups:{name}", args=[backup.id])


def reads_the_archive() -> dict[str, Any]:
    return {"status": JobStatus.RUNNING, "progress": 37, "detail": reading(step=Step.UNPACK, left=6.0)}


def nothing_changed(backup: Backup) -> bool:
    backup.refresh_from_db()
    return backup.uses == 0 and not backup.verifying and not Job.objects.exists() and not Restoration.objects.exists()


# --- To a new instance: the service -------------------------------------------------------------------------


def test_a_new_instance_is_creating_and_the_source_is_checking_restoration(user: User) -> None:
    backup = make_backup(make_instance(name="orders", type=InstanceType.CLUSTER))
    restoration = restore_to_new_instance(backup=backup, name="orders-copy", requested_by=user)

    target = Instance.objects.get(name="orders-copy")
    assert (target.status, target.type, target.engine_version) == (Status.CREATING, "Sharding", backup.engine_version)
    assert Instance.objects.get(name="orders").status is Status.CHECKING_RESTORATION
    job = Job.objects.get()
    assert (job.kind, job.status, job.instance, job.requested_by) == ("restore-new", JobStatus.QUEUED, target, user)
    assert (restoration.way, restoration.status) == (RestorationWay.NEW, RestorationStatus.RUNNING)
    assert (restoration.target, restoration.backup, restoration.source_name) == (target, backup, "orders")
    assert Backup.objects.in_use().get() == backup


@pytest.mark.parametrize("fields", [*BUSY, {"state": State.ABNORMAL}, {"state": State.RESTORE_FAILED}], ids=str)
def test_a_busy_or_abnormal_source_can_be_restored_and_keeps_its_status(user: User, fields: dict[str, Any]) -> None:
    source = make_instance(**fields)
    restore_to_new_instance(backup=make_backup(source), name="copy", requested_by=user)
    before, source = source.status, Instance.objects.get(pk=source.pk)
    assert source.status is before
    assert Job.objects.get().parameters["source"] == ""


def test_a_backup_of_a_deleted_instance_can_be_restored(user: User) -> None:
    backup = make_backup(make_instance(name="long-gone"))
    Instance.objects.all().delete()
    backup.refresh_from_db()
    restore_to_new_instance(backup=backup, name="back-again", requested_by=user)
    assert Instance.objects.get().name == "back-again"


@pytest.mark.parametrize("status", NOT_COMPLETE)
def test_a_backup_that_is_not_complete_cannot_be_restored(user: User, status: BackupStatus) -> None:
    backup = make_backup(status=status)
    with pytest.raises(Refused, match=f"Only a finished backup can be restored. This one is: {status.label}"):
        restore_to_new_instance(backup=backup, name="copy", requested_by=user)
    with pytest.raises(Refused, match="Only a finished backup"):
        restore_to_original(backup=backup, safety_backup=True, requested_by=user)
    assert nothing_changed(backup) and Instance.objects.get().status is Status.AVAILABLE


def test_a_backup_deleted_meanwhile_is_refused(user: User) -> None:
    backup = make_backup()
    Backup.objects.all().delete()
    for act in (
        lambda: restore_to_new_instance(backup=backup, name="copy", requested_by=user),
        lambda: restore_to_original(backup=backup, safety_backup=False, requested_by=user),
        lambda: verify_backup(backup=backup, requested_by=user),
    ):
        with pytest.raises(Refused, match="The backup no longer exists"):
            act()
    assert Instance.objects.get().status is Status.AVAILABLE and not Job.objects.exists()


@pytest.mark.parametrize("name", ["abc", "1abc", "abcd\n", "abcdé"])
def test_an_invalid_new_name_is_rejected(user: User, name: str) -> None:
    backup = make_backup()
    with pytest.raises(ValidationError):
        restore_to_new_instance(backup=backup, name=name, requested_by=user)
    assert nothing_changed(backup)


def test_the_same_request_twice_restores_once(user: User) -> None:
    backup, key = make_backup(), uuid.uuid4()
    for _ in range(2):
        restore_to_new_instance(backup=backup, name="copy", requested_by=user, request_key=key)
    key, other = uuid.uuid4(), make_backup()
    for _ in range(2):
        restore_to_original(backup=other, safety_backup=False, requested_by=user, request_key=key)
    assert Job.objects.count() == 2 and Restoration.objects.count() == 2


# --- To the original: the service ---------------------------------------------------------------------------


def test_the_instance_is_restoring_and_the_safety_backup_backing_up(user: User) -> None:
    backup = make_backup(make_instance(name="orders"), name="nightly")
    restoration = restore_to_original(backup=backup, safety_backup=True, requested_by=user)
    instance = Instance.objects.get()
    assert instance.status is Status.RESTORING
    job = Job.objects.get()
    assert (job.kind, job.instance, job.requested_by) == (JobKind.RESTORE_ORIGINAL, instance, user)
    safety = restoration.safety_backup
    assert safety is not None and safety.name.startswith("before-restore-")
    safety.clean_fields(exclude=["request_key"])
    assert (safety.status, safety.type, safety.job) == (BackupStatus.BUILDING, BackupType.MANUAL, job)
    assert (restoration.way, restoration.target_name, restoration.source_uid) == ("original", "orders", instance.id)
    assert Backup.objects.in_use().get() == backup


@pytest.mark.parametrize("fields", BUSY, ids=str)
def test_a_busy_instance_is_not_restored(user: User, fields: dict[str, Any]) -> None:
    backup = make_backup(make_instance(**fields))
    with pytest.raises(Refused, match="An operation is running on the instance"):
        restore_to_original(backup=backup, safety_backup=True, requested_by=user)
    assert nothing_changed(backup) and Backup.objects.count() == 1


def test_the_second_of_two_simultaneous_restores_is_refused(user: User) -> None:
    instance = make_instance()
    first, second = make_backup(instance), make_backup(instance)
    restore_to_original(backup=first, safety_backup=False, requested_by=user)
    with pytest.raises(Refused, match=r"An operation is running on the instance .Restoring."):
        restore_to_original(backup=second, safety_backup=False, requested_by=user)
    assert Job.objects.count() == 1
    assert list(Backup.objects.in_use()) == [first]


@pytest.mark.parametrize("state", [State.ABNORMAL, State.RESTORE_FAILED])
def test_an_instance_whose_server_does_not_start_can_be_restored(user: User, state: State) -> None:
    restore_to_original(backup=make_backup(make_instance(state=state)), safety_backup=False, requested_by=user)
    assert Instance.objects.get().status is Status.RESTORING


def test_restoring_to_a_deleted_original_is_refused(user: User) -> None:
    backup = make_backup()
    Instance.objects.all().delete()
    backup.refresh_from_db()
    with pytest.raises(Refused, match=r"has been deleted\. Restore it to a new instance"):
        restore_to_original(backup=backup, safety_backup=True, requested_by=user)
    assert nothing_changed(backup)


def test_a_backup_in_use_says_so(user: User) -> None:
    backup = make_backup()
    assert (backup.in_use, backup.use_refusal) == (False, "")
    verify_backup(backup=backup, requested_by=user)
    restore_to_new_instance(backup=backup, name="copy", requested_by=user)
    backup.refresh_from_db()
    assert backup.in_use and backup.uses == 2
    assert backup.use_refusal == "The backup is being restored or verified. Wait until that has ended."


# --- Verify: the service ------------------------------------------------------------------------------------


def test_verifying_is_a_job_without_an_instance(user: User) -> None:
    backup = make_backup()
    job = verify_backup(backup=backup, requested_by=user)
    backup.refresh_from_db()
    assert (backup.verifying, backup.in_use, backup.verify_job) == (True, True, job)
    assert (job.kind, job.instance, job.requested_by) == (JobKind.VERIFY, None, user)
    assert Instance.objects.get().status is Status.AVAILABLE


def test_a_backup_cannot_be_verified_twice_at_once(user: User) -> None:
    backup = make_backup()
    verify_backup(backup=backup, requested_by=user)
    with pytest.raises(Refused, match="already being verified"):
        verify_backup(backup=backup, requested_by=user)
    assert Job.objects.count() == 1


@pytest.mark.parametrize("status", NOT_COMPLETE)
def test_a_backup_that_is_not_complete_cannot_be_verified(user: User, status: BackupStatus) -> None:
    backup = make_backup(status=status)
    with pytest.raises(Refused, match="Only a finished backup can be verified"):
        verify_backup(backup=backup, requested_by=user)
    assert nothing_changed(backup)


# --- The dialogs --------------------------------------------------------------------------------------------


def to_new(**changes: Any) -> dict[str, Any]:
    return {"name": "orders-copy", "request_key": str(uuid.uuid4())} | changes


def to_original(backup: Backup, **changes: Any) -> dict[str, Any]:
    typed = {"confirm": backup.instance_name, "safety_backup": "on", "request_key": str(uuid.uuid4())}
    return typed | changes


def test_the_dialog_suggests_a_valid_name_and_shows_the_fixed_values(htmx: Client, user: User) -> None:
    backup = make_backup(make_instance(name="o" * 64, type=InstanceType.SINGLE_NODE))
    answer = htmx.get(url("restore", backup))
    html = answer.content.decode()
    assert "<html" not in html
    for text in (
        "Create New Instance",
        "Restore to Original",
        "Single node",
        "SecantusDB 0.7.0b3",
        "WiredTiger",
        backup.name,
    ):
        assert text in html, text
    restore_to_new_instance(backup=backup, name=answer.context["form"]["name"].value(), requested_by=user)


def test_ok_restores_to_the_new_instance(htmx: Client, user: User) -> None:
    answer = htmx.post(url("restore", make_backup()), to_new())
    assert answer.status_code == 204
    assert {"dialog-close", "refresh", "toast"} <= json.loads(answer.headers["HX-Trigger"]).keys()
    assert Restoration.objects.get().requested_by == user


def test_ok_without_javascript_restores_and_goes_to_the_list(plain: Client) -> None:
    backup = make_backup()
    html = plain.get(url("restore", backup)).content.decode()
    assert "<html" in html and 'method="post"' in html and url("restore-to-original", backup) in html
    answer = plain.post(url("restore", backup), to_new(), follow=True)
    assert answer.redirect_chain == [(reverse("instances:list"), 302)]
    assert "orders-copy" in answer.content.decode()


@pytest.mark.parametrize("client", ["htmx", "plain"])
def test_an_invalid_name_is_kept_and_reported_beside_its_field(client: str, request: pytest.FixtureRequest) -> None:
    backup = make_backup()
    answer = request.getfixturevalue(client).post(url("restore", backup), to_new(name="1é"))
    html = answer.content.decode()
    assert answer.status_code == 422 and 'value="1é"' in html and "Start the name with a letter" in html
    assert nothing_changed(backup)


def test_the_dialog_of_the_original_states_the_consequences_and_asks_for_the_name(htmx: Client) -> None:
    backup = make_backup(make_instance(name="orders"), name="nightly")
    html = htmx.get(url("restore-to-original", backup)).content.decode()
    for text in (
        "orders",
        "nightly",
        "overwritten",
        "unavailable during the restoration",
        "just now",
        'name="safety_backup"',
        "checked",
    ):
        assert text in html, text


@pytest.mark.parametrize("ticked", [True, False])
def test_typing_the_name_restores_to_the_original(htmx: Client, ticked: bool) -> None:
    backup = make_backup()
    data = to_original(backup)
    if not ticked:
        del data["safety_backup"]
    assert htmx.post(url("restore-to-original", backup), data).status_code == 204
    assert (Restoration.objects.get().safety_backup is not None) is ticked


@pytest.mark.parametrize("typed", ["", "Orders", "orders ", "order"])
def test_a_wrong_name_is_rejected_beside_its_field(htmx: Client, typed: str) -> None:
    backup = make_backup(make_instance(name="orders"))
    answer = htmx.post(url("restore-to-original", backup), to_original(backup, confirm=typed))
    assert answer.status_code == 422 and "confirm" in answer.context["form"].errors
    assert nothing_changed(backup)


def test_a_cleared_checkbox_stays_cleared_when_the_name_is_wrong(htmx: Client) -> None:
    backup = make_backup()
    answer = htmx.post(url("restore-to-original", backup), {"confirm": "x", "request_key": str(uuid.uuid4())})
    assert "checked" not in answer.content.decode()


@pytest.mark.parametrize("to", ["restore", "restore-to-original"])
def test_the_dialog_says_the_name_of_the_backup_once(htmx: Client, to: str) -> None:
    backup = make_backup(make_instance(name="orders"), name="nightly")
    html = htmx.get(reverse(f"backups:{to}", args=[backup.id])).content.decode()
    assert html.count("nightly") == 1


def test_a_renamed_instance_is_confirmed_by_its_current_name(htmx: Client) -> None:
    backup = make_backup(make_instance(name="orders"))
    Instance.objects.update(name="renamed")
    assert htmx.post(url("restore-to-original", backup), to_original(backup)).status_code == 422
    assert htmx.post(url("restore-to-original", backup), to_original(backup, confirm="renamed")).status_code == 204
    assert Restoration.objects.get().target_name == "renamed"


def test_the_dialog_of_a_busy_instance_says_so_and_has_no_button(htmx: Client) -> None:
    backup = make_backup(make_instance(action=Action.BACKUP))
    html = htmx.get(url("restore-to-original", backup)).content.decode()
    assert "An operation is running" in html and "data-submit" not in html.split("<form")[1].split("Cancel")[0].replace(
        "find [data-submit]", ""
    )


def test_a_refusal_at_submit_time_is_shown_in_the_dialog(htmx: Client, user: User) -> None:
    instance = make_instance()
    restore_to_original(backup=make_backup(instance), safety_backup=False, requested_by=user)
    backup = make_backup(instance)
    answer = htmx.post(url("restore-to-original", backup), to_original(backup))
    assert answer.status_code == 422 and "An operation is running" in answer.content.decode()
    failed = make_backup(status=BackupStatus.FAILED)
    answer = htmx.post(url("restore", failed), to_new())
    assert answer.status_code == 422 and "Only a finished backup" in answer.content.decode()


def test_restoring_to_a_deleted_original_is_not_offered(htmx: Client) -> None:
    backup = make_backup()
    Instance.objects.all().delete()
    html = htmx.get(url("restore", backup)).content.decode()
    assert url("restore-to-original", backup) not in html and "Restore it to a new instance" in html
    answer = htmx.post(url("restore-to-original", backup), to_original(backup))
    assert answer.status_code == 422 and "has been deleted" in answer.content.decode()


def test_verify_asks_for_confirmation_first(htmx: Client, plain: Client) -> None:
    backup = make_backup()
    assert "temporary server" in htmx.get(url("verify", backup)).content.decode()
    assert nothing_changed(backup)
    assert htmx.post(url("verify", backup)).status_code == 204
    assert Backup.objects.get().verifying
    again = htmx.post(url("verify", backup))
    assert again.status_code == 422 and "already being verified" in again.content.decode()
    page = plain.post(url("verify", make_backup()), follow=True)
    assert page.redirect_chain == [(reverse("backups:list"), 302)]


@pytest.mark.parametrize("name", ["restore", "restore-to-original", "verify"])
def test_wrong_method_unknown_id_and_signed_out(htmx: Client, client: Client, name: str) -> None:
    backup = make_backup()
    assert htmx.put(url(name, backup)).status_code == 405
    unknown = reverse(f"backups:{name}", args=["nothing"])
    assert htmx.get(unknown).status_code == 404 and htmx.post(unknown, to_new()).status_code == 404
    assert client.get(url(name, backup)).headers["Location"].startswith(reverse("sign-in"))
    assert client.post(url(name, backup), to_new()).status_code == 401
    assert nothing_changed(backup)


# --- The lists ----------------------------------------------------------------------------------------------


def test_a_row_offers_restore_and_verify_or_says_why_not(plain: Client) -> None:
    complete, failed = make_backup(), make_backup(status=BackupStatus.FAILED)
    html = plain.get(reverse("backups:list")).content.decode()
    assert url("restore", complete) in html and url("verify", complete) in html
    assert url("restore", failed) not in html and "Only a finished backup can be restored" in html


def test_a_row_shows_the_result_of_the_verification(plain: Client) -> None:
    backup = make_backup(verifying=True, verify_job=make_job(kind=JobKind.VERIFY, **reads_the_archive()))
    html = plain.get(reverse("backups:list")).content.decode()
    assert "Verifying" in html and "37 %" in html and "every 1s" in html
    assert "Reading the archive: 1.8\xa0MB of 4.0\xa0MB" in html and "about 10 s left of this step" in html
    Backup.objects.update(verifying=False, verify_failure="Other documents.")
    html = plain.get(reverse("backups:list")).content.decode()
    assert "Verification failed" in html and "Other documents." in html and "every 1s" not in html
    counts = {"documents": 1200, "collections": 3, "databases": {}}
    Backup.objects.update(verify_failure="", verified_at=backup.started, verification=counts)
    html = plain.get(reverse("backups:list")).content.decode()
    assert "Verified" in html and "1,200 documents" in html and "in 3 collections" in html


def test_restorations_are_listed_with_source_and_target(plain: Client, user: User) -> None:
    source = make_instance(name="orders")
    restoration = restore_to_new_instance(backup=make_backup(source, name="nightly"), name="copy", requested_by=user)
    for instance in (source, restoration.target):
        assert instance is not None
        page = reverse("backups:instance", args=[instance.id])
        html = plain.get(page).content.decode()
        for text in ("Restorations", "nightly", "copy", "Restoring", user.username, "every 1s"):
            assert text in html, text
    Job.objects.update(**reads_the_archive())
    html = plain.get(page).content.decode()
    assert "37 %" in html and "1.8\xa0MB of 4.0\xa0MB" in html and "about 10 s left of this step" in html
    Restoration.objects.update(status=RestorationStatus.FAILED, failure="The archive is missing.")
    assert "The archive is missing." in plain.get(page).content.decode()
    other = reverse("backups:instance", args=[make_instance().id])
    assert "Restorations</h2>" not in plain.get(other).content.decode()


@pytest.mark.parametrize("rows", [1, 40])
def test_restorations_need_the_same_few_queries_for_any_number(
    plain: Client, user: User, rows: int, django_assert_num_queries: Any
) -> None:
    instance = make_instance()
    for _ in range(rows):
        restore_to_new_instance(backup=make_backup(instance), name="copy", requested_by=user)
    with django_assert_num_queries(7):
        plain.get(reverse("backups:instance", args=[instance.id]))
