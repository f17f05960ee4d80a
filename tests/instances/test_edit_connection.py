"""Edit Connection and Test Connection: the services and their dialogs."""

import html
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from console.accounts.roles import Role
from console.audit.models import AuditEvent
from console.text.refused import Refused
from instances import services_deployments as services
from instances.choices import Action, JobKind, JobStatus, State, Status
from instances.models import Deployment, Instance, Job
from tests.certificates import certificate
from tests.factories import NEW_PASSWORD, make_deployment, make_host, make_instance, make_user

pytestmark = pytest.mark.django_db
ADDRESS = "mongodb://db1.example.org:27017,db2.example.org:27017/?replicaSet=rs0"


def edit_url(deployment: Deployment) -> str:
    return reverse("instances:edit-connection", args=[deployment.pk])


def url_of_test(deployment: Deployment) -> str:
    return reverse("instances:test-connection", args=[deployment.pk])


def form(**changes: str) -> dict[str, str]:
    return {"address": ADDRESS, "user": "backup", "auth_source": "admin", "reads_from": "primary"} | changes


def opened_with(client: Client, deployment: Deployment) -> str:
    page = client.get(edit_url(deployment)).text
    return html.unescape(page.split('name="opened_with" value="')[1].split('"')[0])


def again(deployment: Deployment) -> Deployment:
    return Deployment.objects.select_related("instance").get(pk=deployment.pk)


def test_the_dialog_has_the_present_values_without_secrets(htmx: Client) -> None:
    deployment = make_deployment(auth_source="shop", tls=True, verify=False, reads_from="nearest", any_moment=True)
    page = htmx.get(edit_url(deployment)).text
    for text in (f'value="{html.escape(ADDRESS)}"', 'value="backup"', 'value="shop"', 'value="nearest" selected'):
        assert text in page, text
    assert NEW_PASSWORD not in page and "Leave it empty to keep the present password." in page
    for name, ticked in {"tls": True, "unverified": True, "any_moment": True, "may_probe": False}.items():
        box = page.split(f'name="{name}"')[1].split(">")[0]
        assert ("checked" in box) is ticked, name


def test_an_edit_is_stored_and_tested(htmx: Client, user: User) -> None:
    deployment = make_deployment()
    answer = htmx.post(edit_url(deployment), form(user="reader", password="other", with_users="on"))
    assert answer.status_code == 204 and "Testing the connection" in answer.headers["HX-Trigger"]
    access = again(deployment).access()
    assert (access.user, access.password, access.with_users) == ("reader", "other", True)
    job = Job.objects.get()
    assert (job.kind, job.status, job.requested_by) == (JobKind.TEST_CONNECTION, JobStatus.QUEUED, user)
    assert again(deployment).instance.status is Status.AVAILABLE


def test_an_empty_password_keeps_the_present_one(htmx: Client) -> None:
    deployment = make_deployment()
    assert htmx.post(edit_url(deployment), form(auth_source="shop")).status_code == 204
    access = again(deployment).access()
    assert (access.password, access.auth_source) == (NEW_PASSWORD, "shop")


def test_a_password_is_not_kept_for_other_hosts(htmx: Client) -> None:
    deployment = make_deployment()
    answer = htmx.post(edit_url(deployment), form(address="mongodb://elsewhere.example.org/"))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["password"]
    assert "Type the password again, because the hosts have changed" in answer.text
    assert again(deployment).address == ADDRESS
    sent = form(address="mongodb://elsewhere.example.org/", password=NEW_PASSWORD)
    assert htmx.post(edit_url(deployment), sent).status_code == 204


def test_the_service_keeps_no_password_for_other_hosts_either(user: User) -> None:
    deployment = make_deployment()
    access = deployment.access()
    with pytest.raises(ValidationError, match="Type the password again"):
        services.edit_connection(
            instance=deployment.instance,
            access=type(access)(address="mongodb://elsewhere.example.org:27017/", user="backup"),
            requested_by=user,
        )
    assert again(deployment).address == ADDRESS and not Job.objects.exists()


def test_without_a_user_or_with_x509_the_password_is_forgotten(htmx: Client) -> None:
    deployment = make_deployment()
    assert htmx.post(edit_url(deployment), form(user="")).status_code == 204
    assert again(deployment).sealed_password == ""


def test_an_empty_certificate_keeps_the_present_one_until_it_is_removed(htmx: Client, tmp_path: Path) -> None:
    path = certificate(tmp_path / "client.pem")
    pem = path.read_text() + path.with_suffix(".key").read_text()
    deployment = make_deployment(tls=True)
    assert 'name="forget_certificate"' not in htmx.get(edit_url(deployment)).text
    assert htmx.post(edit_url(deployment), form(tls="on", certificate=pem)).status_code == 204
    assert again(deployment).access().certificate == pem.strip()
    assert htmx.post(edit_url(deployment), form(tls="on")).status_code == 204
    assert again(deployment).access().certificate == pem.strip()
    page = htmx.get(edit_url(deployment)).text
    assert 'name="forget_certificate"' in page and "PRIVATE KEY" not in page
    assert htmx.post(edit_url(deployment), form(tls="on", forget_certificate="on")).status_code == 204
    assert again(deployment).sealed_certificate == ""


def test_an_edit_needs_a_new_proof_that_backups_are_of_one_moment(htmx: Client) -> None:
    deployment = make_deployment()
    htmx.post(edit_url(deployment), form())
    assert again(deployment).ways == []
    assert "No way to read all databases at one moment" in again(deployment).instance.backup_refusal


def test_the_audit_has_what_was_changed_but_no_secret(htmx: Client, tmp_path: Path) -> None:
    deployment = make_deployment()
    htmx.post(edit_url(deployment), form(user="reader", password="hunter2", tls="on", any_moment="on"))
    details = AuditEvent.objects.get(trace="ddsEditConnection").details
    assert details == (
        "User: backup → reader; TLS: off → on; Allow backups that are not of one moment: off → on; "
        "Password: the old one → a new one"
    )


def test_a_form_opened_before_another_edit_shows_that_and_keeps_what_was_typed(htmx: Client) -> None:
    deployment = make_deployment()
    stale = opened_with(htmx, deployment)
    assert htmx.post(edit_url(deployment), form(auth_source="shop")).status_code == 204
    answer = htmx.post(edit_url(deployment), form(user="reader", password="x", opened_with=stale))
    assert answer.status_code == 422 and "changed after you opened the form" in answer.text
    assert "admin → shop" in html.unescape(answer.text) and 'value="reader"' in answer.text
    fresh = html.unescape(answer.text.split('name="opened_with" value="')[1].split('"')[0])
    assert htmx.post(edit_url(deployment), form(user="reader", password="x", opened_with=fresh)).status_code == 204
    assert again(deployment).user == "reader"


def test_a_lost_key_is_said_and_the_secret_asked_for(htmx: Client, settings: Settings) -> None:
    deployment = make_deployment()
    settings.CONSOLE_CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    answer = htmx.post(edit_url(deployment), form())
    assert answer.status_code == 422 and "credential key has changed" in answer.text
    assert htmx.post(edit_url(deployment), form(password="typed again")).status_code == 204
    assert again(deployment).access().password == "typed again"


def test_a_pasted_password_replaces_the_present_one(htmx: Client) -> None:
    deployment = make_deployment()
    pasted = ADDRESS.replace("mongodb://", "mongodb://backup:hunter2@")
    assert htmx.post(edit_url(deployment), form(address=pasted)).status_code == 204
    assert again(deployment).access().password == "hunter2"


def test_another_pasted_user_replaces_the_present_one_with_its_password(htmx: Client) -> None:
    deployment = make_deployment()
    pasted = ADDRESS.replace("mongodb://", "mongodb://reader:hunter2@")
    assert htmx.post(edit_url(deployment), form(address=pasted)).status_code == 204
    access = again(deployment).access()
    assert (access.user, access.password) == ("reader", "hunter2")


def test_a_user_typed_in_its_field_does_not_get_the_password_of_another(htmx: Client) -> None:
    deployment = make_deployment()
    pasted = ADDRESS.replace("mongodb://", "mongodb://reader:hunter2@")
    assert htmx.post(edit_url(deployment), form(address=pasted, user="typed")).status_code == 204
    access = again(deployment).access()
    assert (access.user, access.password) == ("typed", NEW_PASSWORD)


def test_all_errors_are_shown_at_once(htmx: Client) -> None:
    deployment = make_deployment()
    sent = form(address="mongodb://elsewhere.example.org/", ca="no PEM")
    errors = htmx.post(edit_url(deployment), sent).context["form"].errors
    assert set(errors) == {"password", "ca", "tls"}


@pytest.mark.parametrize("changes", [{"address": "http://x/"}, {"user": "x" * 256}, {"ca": "no PEM", "tls": "on"}])
def test_an_error_is_shown_beside_its_field(htmx: Client, changes: dict[str, str]) -> None:
    deployment = make_deployment()
    answer = htmx.post(edit_url(deployment), form(**changes))
    assert answer.status_code == 422 and list(answer.context["form"].errors) == [next(iter(changes))]
    assert not Job.objects.exists()


# --- Test Connection ---------------------------------------------------------------------------------------


def test_yes_queues_the_test(htmx: Client) -> None:
    deployment = make_deployment()
    assert "It writes nothing." in htmx.get(url_of_test(deployment)).text
    answer = htmx.post(url_of_test(deployment))
    assert answer.status_code == 204 and "Testing the connection" in answer.headers["HX-Trigger"]
    assert Job.objects.get().kind == JobKind.TEST_CONNECTION
    assert AuditEvent.objects.filter(trace="ddsTestConnection").exists()


def test_the_dialog_says_that_the_test_writes(htmx: Client) -> None:
    assert "scratch collection" in htmx.get(url_of_test(make_deployment(may_probe=True))).text


def test_an_instance_whose_first_test_failed_becomes_creating_again(htmx: Client) -> None:
    deployment = make_deployment()
    Instance.objects.update(state=State.CREATION_FAILED, failure="It does not answer.")
    htmx.post(url_of_test(deployment))
    instance = Instance.objects.get()
    assert (instance.status, instance.failure) == (Status.CREATING, "")


# --- Both --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"action": Action.BACKUP}, {"action": Action.DELETE}, {"state": State.CREATING}])
def test_both_are_refused_while_work_runs(htmx: Client, user: User, fields: dict[str, Any]) -> None:
    deployment = make_deployment()
    Instance.objects.update(**fields)
    for url in (edit_url(deployment), url_of_test(deployment)):
        assert "Wait until it has ended." in htmx.get(url).text
        assert htmx.post(url, form()).status_code == 422
    assert not Job.objects.exists() and again(deployment).ways


def test_both_are_refused_while_the_host_is_offline(htmx: Client) -> None:
    deployment = make_deployment()
    make_host("local", seen=timezone.now() - timedelta(hours=1))
    for url in (edit_url(deployment), url_of_test(deployment)):
        answer = htmx.post(url, form())
        assert answer.status_code == 422 and "offline" in answer.text
    assert not Job.objects.exists() and again(deployment).ways


def test_other_instances_have_no_connection(htmx: Client, user: User) -> None:
    instance = make_instance()
    for name in ("instances:edit-connection", "instances:test-connection"):
        assert htmx.get(reverse(name, args=[instance.id])).status_code == 404
    with pytest.raises(Refused, match="not an existing deployment"):
        services.test_connection(instance=instance, requested_by=user)
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", [Role.BACKUP_OPERATOR, Role.READ_ONLY])
def test_only_full_access_may(role: Role) -> None:
    deployment = make_deployment()
    client = Client(headers={"HX-Request": "true"})
    client.force_login(make_user(role))
    for url in (edit_url(deployment), url_of_test(deployment)):
        assert client.get(url).status_code == client.post(url, form()).status_code == 403
    assert not Job.objects.exists()


def test_both_require_signing_in_and_get_or_post(client: Client, htmx: Client) -> None:
    deployment = make_deployment()
    for url in (edit_url(deployment), url_of_test(deployment)):
        assert client.get(url).status_code == 302
        assert client.post(url, form()).status_code in {302, 401}
        assert htmx.delete(url).status_code == 405
    assert not Job.objects.exists()
