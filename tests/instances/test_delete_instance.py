"""Delete: the service, its effect on backups, and its dialog."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus, BackupType
from console.text.refused import Refused
from instances.choices import Action, JobKind, State, Status
from instances.models import Instance, Job
from instances.services import delete_instance
from tests.factories import make_backup, make_instance

pytestmark = pytest.mark.django_db


def delete_url(instance: Instance) -> str:
    return reverse("instances:delete", args=[instance.id])


def test_the_instance_is_deleting_with_a_queued_job(user: User) -> None:
    instance = make_instance()
    delete_instance(instance=instance, requested_by=user)
    instance.refresh_from_db()
    assert instance.status is Status.DELETING
    assert Job.objects.get().kind == JobKind.DELETE_INSTANCE


def test_deleting_an_instance_deletes_automated_backups_and_keeps_manual_backups(user: User) -> None:
    instance = make_instance()
    automated = make_backup(instance, type=BackupType.AUTOMATED)
    manual = make_backup(instance)
    of_another = make_backup(type=BackupType.AUTOMATED)

    delete_instance(instance=instance, requested_by=user)

    for backup in (automated, manual, of_another):
        backup.refresh_from_db()
    assert automated.status == BackupStatus.DELETING
    assert manual.status == of_another.status == BackupStatus.COMPLETED
    job = Job.objects.get(kind=JobKind.DELETE_BACKUP)
    assert (automated.job, job.host, job.instance) == (job, instance.host, None)


@pytest.mark.parametrize("state", [State.AVAILABLE, State.ABNORMAL, State.CREATION_FAILED, State.RESTORE_FAILED])
def test_an_idle_instance_can_be_deleted_whatever_its_state(user: User, state: State) -> None:
    instance = make_instance(state=state)
    assert instance.delete_refusal == ""
    delete_instance(instance=instance, requested_by=user)


BUSY = [{"state": State.CREATING}, *({"action": action} for action in Action if action)]


@pytest.mark.parametrize("fields", BUSY, ids=str)
def test_deletion_is_refused_with_the_reason_while_an_operation_runs(user: User, fields: dict[str, Any]) -> None:
    instance = make_instance(**fields)
    automated = make_backup(instance, type=BackupType.AUTOMATED)
    with pytest.raises(Refused, match="operation is running") as refusal:
        delete_instance(instance=instance, requested_by=user)
    assert instance.delete_refusal == str(refusal.value.message)
    automated.refresh_from_db()
    assert automated.status == BackupStatus.COMPLETED
    assert not Job.objects.exists()


def test_the_confirmation_says_what_is_deleted_and_what_is_kept(htmx: Client) -> None:
    instance = make_instance(name="orders")
    make_backup(instance)
    make_backup(instance)
    make_backup(instance, type=BackupType.AUTOMATED)
    html = htmx.get(delete_url(instance)).content.decode()
    assert "orders" in html and "Yes" in html
    assert "2 manual backups" in html and "1 automated backup" in html


def test_yes_deletes_the_instance_and_refreshes_the_list(htmx: Client) -> None:
    instance = make_instance(name="orders")
    answer = htmx.post(delete_url(instance), {"confirm": "orders"})
    assert answer.status_code == 204
    assert "refresh" in json.loads(answer.headers["HX-Trigger"])
    instance.refresh_from_db()
    assert instance.status is Status.DELETING


def test_yes_without_javascript_goes_to_the_list(plain: Client) -> None:
    answer = plain.post(delete_url(make_instance(name="orders")), {"confirm": "orders"}, follow=True)
    assert answer.redirect_chain == [(reverse("instances:list"), 302)]


def test_a_refusal_is_shown_in_the_dialog(htmx: Client) -> None:
    instance = make_instance(name="orders", action=Action.BACKUP)
    assert "operation is running" in htmx.get(delete_url(instance)).content.decode()
    answer = htmx.post(delete_url(instance), {"confirm": "orders"})
    assert answer.status_code == 422
    assert "operation is running" in answer.content.decode()


@pytest.mark.parametrize("typed", ["", "Orders", "orders ", " orders", "order", "orders2"])
def test_the_name_must_be_typed_exactly(htmx: Client, typed: str) -> None:
    instance = make_instance(name="orders")
    answer = htmx.post(delete_url(instance), {"confirm": typed})
    assert answer.status_code == 422
    error = "Type exactly this name: orders" if typed else "Fill in this field."
    assert answer.context["form"].errors == {"confirm": [error]}
    assert error in answer.content.decode()
    instance.refresh_from_db()
    assert instance.action == Action.NONE


def test_opening_the_confirmation_changes_nothing(htmx: Client) -> None:
    instance = make_instance()
    htmx.get(delete_url(instance))
    instance.refresh_from_db()
    assert instance.status is Status.AVAILABLE


def test_unknown_ids_wrong_methods_and_anonymous_users_are_rejected(htmx: Client, client: Client) -> None:
    assert htmx.get("/instances/nothing/delete/").status_code == 404
    assert htmx.put(delete_url(make_instance())).status_code == 405
    assert client.post(delete_url(make_instance())).status_code == 302
    assert Instance.objects.filter(action=Action.DELETE).count() == 0
