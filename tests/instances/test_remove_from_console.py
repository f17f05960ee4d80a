"""What is different for existing deployments: Remove from Console, and the actions that are not offered."""

import html
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.models import Backup
from backups.services.create import create_backup
from backups.services.restore import restore_to_original
from console.text.refused import Refused
from instances.choices import InstanceType, JobKind, State, Status
from instances.models import Instance, Job
from instances.services import delete_instance, rename_instance, reset_password, restart_instance
from tests.factories import NEW_PASSWORD, make_backup, make_deployment, make_instance

pytestmark = pytest.mark.django_db


def test_the_dialog_says_that_no_document_is_touched(htmx: Client) -> None:
    instance = make_deployment().instance
    page = htmx.get(reverse("instances:delete", args=[instance.id])).text
    assert "Remove from Console" in page and "none of its documents is touched" in page
    assert "permanently deleted" not in page and "Create a final backup" in page
    other = htmx.get(reverse("instances:delete", args=[make_instance().id])).text
    assert "Delete DB Instance" in other and "permanently deleted" in other


def test_the_name_is_asked_for_and_the_job_queued(htmx: Client) -> None:
    instance = make_deployment().instance
    url = reverse("instances:delete", args=[instance.id])
    assert htmx.post(url, {"confirm": "another"}).status_code == 422
    answer = htmx.post(url, {"confirm": instance.name})
    assert answer.status_code == 204 and "from the console" in answer.headers["HX-Trigger"]
    assert Job.objects.get().kind == JobKind.DELETE_INSTANCE
    instance.refresh_from_db()
    assert instance.status is Status.DELETING


def test_a_final_backup_is_logical(user: User) -> None:
    instance = make_deployment().instance
    delete_instance(instance=instance, final_backup=True, requested_by=user)
    assert Backup.objects.get().method == "Logical"


def test_a_final_backup_needs_a_way_to_make_one(user: User) -> None:
    instance = make_deployment(ways=[]).instance
    with pytest.raises(Refused, match="No way to read all databases at one moment"):
        delete_instance(instance=instance, final_backup=True, requested_by=user)
    instance.refresh_from_db()
    assert instance.status is Status.AVAILABLE


def test_the_menu_says_why_other_actions_are_not_offered(plain: Client) -> None:
    instance = make_deployment().instance
    page = plain.get(reverse("instances:list")).text
    for name in ("restart", "password"):
        item = page.split(f'id="menu-{name}-{instance.id}"')[1].split("</button>")[0]
        assert 'aria-disabled="true"' in item and "This is an existing deployment." in item
    for name, label in {
        "test": "Test Connection",
        "connection": "Edit Connection",
        "rename": "Rename",
        "delete": "Remove from Console",
    }.items():
        item = page.split(f'id="menu-{name}-{instance.id}"')[1].split("</a>")[0]
        assert f">{label}" in item


def test_the_services_refuse_with_the_same_sentences(user: User) -> None:
    instance = make_deployment().instance
    with pytest.raises(Refused) as restart:
        restart_instance(instance=instance, requested_by=user)
    with pytest.raises(Refused) as password:
        reset_password(instance=instance, password=NEW_PASSWORD, requested_by=user)
    assert str(restart.value.message) == instance.restart_refusal != ""
    assert str(password.value.message) == instance.password_refusal != ""
    assert not Job.objects.exists()
    assert rename_instance(instance=instance, name="renamed", requested_by=user).name == "renamed"


@pytest.mark.parametrize("kind", InstanceType)
def test_only_a_cluster_cannot_be_restored_over(kind: InstanceType, user: User, htmx: Client) -> None:
    instance = make_deployment().instance
    Instance.objects.update(type=kind)
    backup = make_backup(Instance.objects.get(pk=instance.pk))
    assert bool(backup.original_refusal) == (kind is InstanceType.CLUSTER)
    if kind is not InstanceType.CLUSTER:
        restore_to_original(backup=backup, safety_backup=True, requested_by=user)
        return
    with pytest.raises(Refused, match="sharded cluster"):
        restore_to_original(backup=backup, safety_backup=True, requested_by=user)
    page = htmx.get(reverse("backups:restore-to-original", args=[backup.id])).text
    assert "A backup cannot be restored over a sharded cluster." in page
    backup.refresh_from_db()
    assert backup.uses == 0 and Instance.objects.get().status is Status.AVAILABLE


# --- Create Backup -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ways": ["snapshot", "transaction"]}, "All databases at one moment, by snapshot reads."),
        ({"ways": ["transaction"]}, "All databases at one moment, by one transaction."),
        ({"ways": [], "any_moment": True}, "Not of one moment: each collection is read at a moment of its own."),
    ],
)
def test_the_dialogs_say_the_method_and_the_consistency(htmx: Client, fields: dict[str, Any], said: str) -> None:
    instance = make_deployment(**fields).instance
    own = htmx.get(reverse("backups:create-for-instance", args=[instance.id])).text
    assert "<strong>Logical</strong>" in own and said in own
    any_instance = htmx.get(reverse("backups:create")).text
    assert f"{instance.name} ({instance.address}) · Logical: {said}" in html.unescape(any_instance)
    other = htmx.get(reverse("backups:create-for-instance", args=[make_instance().id])).text
    assert "Logical" not in other


def test_without_a_way_to_make_it_a_backup_is_refused_and_not_offered(htmx: Client, user: User) -> None:
    instance = make_deployment(ways=[]).instance
    make_instance(name="usual")
    assert "No way to read all databases at one moment" in instance.backup_refusal
    with pytest.raises(Refused, match="No way to read all databases at one moment"):
        create_backup(instance=instance, name="nightly", requested_by=user)
    assert not Backup.objects.exists() and Instance.objects.get(pk=instance.pk).status is Status.AVAILABLE
    offered = htmx.get(reverse("backups:create")).text
    assert "usual (" in offered and f"{instance.name} (" not in offered
    assert f"{instance.name} has no proved way of reading at one moment" in offered


def test_if_it_is_the_only_one_the_dialog_says_so(htmx: Client) -> None:
    instance = make_deployment(ways=[]).instance
    page = htmx.get(reverse("backups:create")).text
    assert f"now: {instance.name} has no proved way of reading at one moment." in page


def test_the_page_of_a_backup_says_what_it_is(plain: Client) -> None:
    instance = make_deployment().instance
    whole, loose = make_backup(instance), make_backup(instance, consistency="not one moment")
    page = plain.get(whole.get_absolute_url()).text
    assert "Logical" in page and "All databases at one moment." in page
    assert "Not of one moment" in plain.get(loose.get_absolute_url()).text
    assert "Logical" in plain.get(reverse("backups:list")).text


# --- The pages of the instance -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "tls", "said"),
    [
        (-1, True, "expired on"),
        (13.9, True, "expires on"),
        (14.1, True, ""),
        (-1, False, ""),
    ],
)
def test_a_certificate_that_soon_expires_is_warned_of(plain: Client, days: float, tls: bool, said: str) -> None:
    deployment = make_deployment(tls=tls, certificate_expires=timezone.now() + timedelta(days=days))
    detail = reverse("instances:detail", args=[deployment.pk])
    for url in (deployment.instance.get_absolute_url(), detail):
        page = plain.get(url).text
        assert ("the one that the agent shows to it, " in page) is bool(said)
        assert said in page


def pages(instance: Instance) -> list[str]:
    names = ("instance", "instances:detail", "instances:instance-tasks", "backups:instance")
    return [reverse(name, args=[instance.id]) for name in names]


def test_every_page_warns_that_certificates_are_not_verified(plain: Client) -> None:
    instance, verified = (make_deployment(tls=True, verify=verify).instance for verify in (False, True))
    for path in pages(instance):
        assert "certificates of this deployment are not verified" in plain.get(path).text, path
    for path in pages(verified):
        assert "are not verified" not in plain.get(path).text, path


def test_basic_information_shows_the_connection_and_the_last_test(plain: Client) -> None:
    message = '{"code": "server.unreachable", "params": {"port": 8635}}'
    findings = [{"tone": "ok", "message": "It is MongoDB 8.0.4."}, {"tone": "bad", "message": message}]
    deployment = make_deployment(findings=findings, reads_from="nearest", tls=True, auth_source="shop")
    page = html.unescape(plain.get(reverse("instances:detail", args=[deployment.pk])).text)
    for text in (
        "mongodb://backup@db1.example.org:27017,db2.example.org:27017/?replicaSet=rs0&authSource=shop&tls=true",
        "It is MongoDB 8.0.4.",
        "The database server is not responding on port 8635.",
        "All databases at one moment, by snapshot reads.",
        "Nearest",
        "Test Connection",
        "Edit Connection",
        "MongoDB 8.0.4",
    ):
        assert text in page, text
    assert "Administrator" not in page and NEW_PASSWORD not in page


@pytest.mark.parametrize("state", [State.ABNORMAL, State.CREATION_FAILED])
def test_a_deployment_that_is_not_well_offers_what_helps(plain: Client, state: State) -> None:
    instance = make_deployment().instance
    Instance.objects.update(state=state, failure="The deployment rejected the password.")
    for path in pages(instance)[:2]:
        page = plain.get(path).text
        assert "The deployment rejected the password." in page
        assert f'id="retest-{instance.id}"' in page and f'id="reconnect-{instance.id}"' in page
        assert "server.log" not in page and "The database server is down." not in page
    if state is State.ABNORMAL:
        assert "The deployment does not answer." in plain.get(reverse("instances:list")).text


# --- The Restore dialog ---------------------------------------------------------------------------------------


def test_the_restore_dialogs_say_what_happens_to_a_dump(htmx: Client) -> None:
    backup = make_backup(make_deployment().instance)
    new = html.unescape(htmx.get(reverse("backups:restore", args=[backup.id])).text)
    assert "into which the dump is loaded" in new and "no user but the administrator rwuser" in new
    original = html.unescape(htmx.get(reverse("backups:restore-to-original", args=[backup.id])).text)
    assert "will be exchanged for those of this backup" in original and "rwuser keeps" not in original
    assert "As a manual backup. If it fails" in original and "the server has stopped" not in original
    other = make_backup(make_instance())
    assert "has the users of the backup" in htmx.get(reverse("backups:restore", args=[other.id])).text
    assert "rwuser keeps" in htmx.get(reverse("backups:restore-to-original", args=[other.id])).text
