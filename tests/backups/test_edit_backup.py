"""Edit Description, Lock and Unlock."""

import json

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus, BackupType
from backups.models import Backup
from backups.services.edit import edit_description
from backups.services.lock import lock_backup, unlock_backup
from console.text.refused import Refused
from instances.services import delete_instance
from tests.factories import make_backup, make_instance

pytestmark = pytest.mark.django_db


def url(action: str, backup: Backup) -> str:
    return reverse(f"backups:{action}", args=[backup.id])


# --- Description ---------------------------------------------------------------------------------------


def test_the_description_is_changed(htmx: Client) -> None:
    backup = make_backup(name="nightly", description="Before")
    html = htmx.get(url("edit-description", backup)).content.decode()
    assert "<html" not in html and "Before</textarea>" in html and "nightly" in html
    answer = htmx.post(url("edit-description", backup), {"description": " After, exactly "})
    assert answer.status_code == 204
    assert {"dialog-close", "refresh"} <= json.loads(answer.headers["HX-Trigger"]).keys()
    assert Backup.objects.get().description == " After, exactly "


def test_without_javascript_the_user_returns_to_the_list(plain: Client) -> None:
    backup = make_backup()
    assert "<html" in plain.get(url("edit-description", backup)).content.decode()
    answer = plain.post(url("edit-description", backup), {"description": ""}, follow=True)
    assert answer.redirect_chain == [(reverse("backups:list"), 302)]


@pytest.mark.parametrize("broken", ["a<b", "a\nb", "x" * 257, "\x00"])
def test_an_invalid_description_is_kept_and_reported_beside_its_field(htmx: Client, broken: str) -> None:
    backup = make_backup(description="Before")
    answer = htmx.post(url("edit-description", backup), {"description": broken})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["description"]
    assert answer.context["form"]["description"].value() == broken
    assert Backup.objects.get().description == "Before"


def test_the_service_enforces_the_rule(user: User) -> None:
    with pytest.raises(ValidationError):
        edit_description(backup=make_backup(), description="a<b", requested_by=user)


@pytest.mark.parametrize("status", [BackupStatus.BUILDING, BackupStatus.FAILED])
def test_running_and_failed_backups_can_have_a_description(user: User, status: BackupStatus) -> None:
    edit_description(backup=make_backup(status=status), description="New", requested_by=user)
    assert Backup.objects.get().description == "New"


def test_the_dialog_refuses_a_backup_that_is_being_deleted(htmx: Client) -> None:
    backup = make_backup(status=BackupStatus.DELETING)
    answer = htmx.post(url("edit-description", backup), {"description": "New"})
    assert answer.status_code == 422
    assert "being deleted" in answer.content.decode() and "New</textarea>" in answer.content.decode()


# --- Lock ----------------------------------------------------------------------------------------------


def test_a_locked_backup_cannot_be_deleted_until_it_is_unlocked(htmx: Client) -> None:
    backup = make_backup(name="precious")
    assert "precious" in htmx.get(url("lock", backup)).content.decode()
    assert htmx.post(url("lock", backup)).status_code == 204
    assert Backup.objects.get().locked
    assert htmx.post(url("delete", backup)).status_code == 422
    assert "Unlock" in htmx.get(url("unlock", backup)).content.decode()
    assert htmx.post(url("unlock", backup)).status_code == 204
    assert htmx.post(url("delete", backup)).status_code == 204


def test_the_row_shows_the_lock_and_offers_the_opposite_action(plain: Client) -> None:
    backup = make_backup(locked=True)
    html = plain.get(reverse("backups:list")).content.decode()
    assert ">Locked<" in html and url("unlock", backup) in html and url("lock", backup) not in html


@pytest.mark.parametrize("status", [BackupStatus.BUILDING, BackupStatus.FAILED, BackupStatus.DELETING])
def test_only_a_complete_backup_can_be_locked(user: User, htmx: Client, status: BackupStatus) -> None:
    backup = make_backup(status=status)
    with pytest.raises(Refused, match="Only a finished backup"):
        lock_backup(backup=backup, requested_by=user)
    assert htmx.post(url("lock", backup)).status_code == 422
    assert not Backup.objects.get().locked


def test_locking_or_unlocking_twice_is_refused(user: User) -> None:
    backup = make_backup()
    lock_backup(backup=backup, requested_by=user)
    with pytest.raises(Refused, match="already locked"):
        lock_backup(backup=backup, requested_by=user)
    unlock_backup(backup=backup, requested_by=user)
    with pytest.raises(Refused, match="not locked"):
        unlock_backup(backup=backup, requested_by=user)


def test_without_javascript_the_confirmation_is_a_page(plain: Client) -> None:
    backup = make_backup()
    assert "<html" in plain.get(url("lock", backup)).content.decode()
    assert plain.post(url("lock", backup), follow=True).redirect_chain == [(reverse("backups:list"), 302)]


def test_deleting_an_instance_deletes_its_locked_automated_backups_and_says_how_many(htmx: Client, user: User) -> None:
    instance = make_instance()
    locked = make_backup(instance, type=BackupType.AUTOMATED, locked=True)
    make_backup(instance, type=BackupType.AUTOMATED)
    make_backup(instance, locked=True)
    html = htmx.get(reverse("instances:delete", args=[instance.id])).content.decode()
    assert "2 automated backups" in html and "1 of them is locked" in html and "1 manual backup stays" in html
    delete_instance(instance=instance, requested_by=user)
    locked.refresh_from_db()
    assert locked.status == BackupStatus.DELETING


@pytest.mark.parametrize("action", ["edit-description", "lock", "unlock"])
def test_unknown_wrong_method_signed_out_and_deleted(htmx: Client, client: Client, action: str) -> None:
    backup = make_backup(description="Before")
    path = url(action, backup)
    assert htmx.get(path.replace(backup.id, "nothing")).status_code == 404
    assert htmx.put(path).status_code == 405
    assert client.post(path, {"description": "New"}).status_code == 401
    assert (Backup.objects.get().description, Backup.objects.get().locked) == ("Before", False)
    assert htmx.get(path).status_code == 200
    assert not Backup.objects.get().locked
