"""Add Existing Instance: the service and its dialog. Tests of the job cover the connection itself."""

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.accounts.roles import Role
from console.audit.models import AuditEvent
from console.text.refused import Refused
from instances.choices import EngineKind, InstanceType, JobKind, JobStatus, Status
from instances.engines.base import Access
from instances.models import Deployment, Instance, Job
from instances.services_deployments import add_existing_instance
from tests.certificates import certificate
from tests.factories import make_host, make_user
from tests.instances.pems import expired

pytestmark = pytest.mark.django_db
ADD = reverse("instances:add-existing")
# With every character that a connection string or a page would treat specially.
SECRET = "p@ss:w/r%d<'&ü"
SET = "mongodb://db1.example.org:27017,db2.example.org:27017/?replicaSet=rs0"


def form(**changes: str) -> dict[str, str]:
    filled = {"name": "orders", "address": SET, "user": "backup", "password": SECRET, "auth_source": "admin"}
    return {**filled, "reads_from": "primary", "request_key": str(uuid.uuid4()), **changes}


def without_key(pem: str) -> str:
    return pem.split("-----BEGIN PRIVATE")[0]


def added() -> Deployment:
    return Deployment.objects.select_related("instance").get()


def test_an_existing_instance_is_creating_until_its_connection_is_tested(user: User) -> None:
    access = Access(address=SET, user="backup", password=SECRET)
    instance = add_existing_instance(name="orders", access=access, requested_by=user)
    instance.refresh_from_db()
    assert (instance.status, instance.engine_kind, instance.port) == (Status.CREATING, EngineKind.DEPLOYMENT, None)
    assert (instance.type, instance.address) == (
        InstanceType.REPLICA_SET,
        "db1.example.org:27017,db2.example.org:27017",
    )
    job = Job.objects.get()
    assert (job.kind, job.status, job.instance, job.requested_by) == (
        JobKind.TEST_CONNECTION,
        JobStatus.QUEUED,
        instance,
        user,
    )
    assert added().access() == access


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("mongodb://db.example.org/", InstanceType.SINGLE_NODE),
        ("mongodb://db.example.org/?replicaSet=rs0", InstanceType.REPLICA_SET),
        ("mongodb+srv://cluster.example.org/", InstanceType.REPLICA_SET),
    ],
)
def test_the_type_is_guessed_from_the_address(htmx: Client, address: str, kind: InstanceType) -> None:
    assert htmx.post(ADD, form(address=address)).status_code == 204
    assert Instance.objects.get().type == kind


def test_the_password_is_stored_sealed_and_is_nowhere_else(htmx: Client, tmp_path: Path) -> None:
    assert htmx.post(ADD, form()).status_code == 204
    assert added().access().password == SECRET
    dump = tmp_path / "rows.json"
    call_command("dumpdata", output=str(dump))
    assert "ddsAddInstance" in dump.read_text()
    for text in (SECRET, json.dumps(SECRET)[1:-1]):
        assert text not in dump.read_text()


def test_ok_in_the_dialog_closes_it_and_refreshes_the_list(htmx: Client) -> None:
    answer = htmx.post(ADD, form())
    assert answer.status_code == 204
    assert {"dialog-close", "refresh", "toast"} <= json.loads(answer.headers["HX-Trigger"]).keys()


def test_ok_without_javascript_goes_to_the_list(plain: Client) -> None:
    answer = plain.post(ADD, form(), follow=True)
    assert answer.redirect_chain == [(reverse("instances:list"), 302)]
    assert "db1.example.org:27017,db2.example.org:27017" in answer.text and "Creating" in answer.text


def test_what_is_pasted_moves_into_the_fields(htmx: Client) -> None:
    pasted = (
        "mongodb://reader:p%40ss@db1.example.org/shop?replicaSet=rs0&tls=true&authMechanism=SCRAM-SHA-1"
        "&readPreference=secondaryPreferred"
    )
    assert htmx.post(ADD, form(address=pasted, user="", password="", auth_source="")).status_code == 204
    assert added().access() == Access(
        address="mongodb://db1.example.org:27017/?replicaSet=rs0",
        user="reader",
        password="p@ss",
        auth_source="shop",
        mechanism="SCRAM-SHA-1",
        tls=True,
        reads_from="secondaryPreferred",
    )


def test_a_field_counts_more_than_what_is_pasted(htmx: Client) -> None:
    assert htmx.post(ADD, form(address="mongodb://other:x@db1.example.org/")).status_code == 204
    assert (added().user, added().access().password) == ("backup", SECRET)


def test_a_pasted_password_is_not_sent_back_and_is_asked_for_again(htmx: Client) -> None:
    answer = htmx.post(ADD, form(name="1st", address="mongodb://reader:p%40ss@db1.example.org/", user="", password=""))
    assert answer.status_code == 422 and "p%40ss" not in answer.text and "p@ss" not in answer.text
    assert 'value="mongodb://db1.example.org:27017/"' in answer.text and 'value="reader"' in answer.text
    assert "Type the password again" in answer.text


@pytest.mark.parametrize(
    "pasted",
    [
        "mongodb://reader:p@ss:w/r%d@db1.example.org/",
        "mongodb://reader:hunter2@db1.example.org/?tlsCAFile=/etc/passwd",
        "mongo://reader:hunter2@db1.example.org/",
        "mongodb://db1.example.org/?proxyPassword=hunter2",
        "mongodb://db1.example.org/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2",
    ],
)
def test_nor_is_one_in_a_string_that_is_rejected(htmx: Client, plain: Client, pasted: str) -> None:
    for client in (htmx, plain):
        answer = client.post(ADD, form(address=pasted, password=""))
        assert answer.status_code == 422 and "address" in answer.context["form"].errors
        assert "hunter2" not in answer.text and "p@ss" not in answer.text and "w/r%d" not in answer.text
        assert "reader" not in pasted or "Type the password again" in answer.text
    assert not Instance.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "abc"}, "name"),
        ({"name": ""}, "name"),
        ({"address": ""}, "address"),
        ({"address": "http://db1.example.org/"}, "address"),
        ({"address": "mongodb://169.254.169.254/"}, "address"),
        ({"address": "mongodb://[::ffff:169.254.1.1]/"}, "address"),
        ({"address": "mongodb://db1.example.org/?tlsInsecure=true"}, "address"),
        ({"address": "mongodb://%2Ftmp%2Fmongodb-27017.sock/"}, "address"),
        ({"user": ""}, "user"),
        ({"password": ""}, "password"),
        ({"mechanism": "PLAIN"}, "mechanism"),
        ({"reads_from": "anywhere"}, "reads_from"),
        ({"ca": "not a certificate", "tls": "on"}, "ca"),
        ({"certificate": "not a certificate", "tls": "on"}, "certificate"),
        ({"mechanism": "MONGODB-X509", "tls": "on"}, "certificate"),
        ({"auth_source": "x" * 65}, "auth_source"),
    ],
)
def test_an_error_is_shown_beside_its_field(htmx: Client, changes: dict[str, str], field: str) -> None:
    answer = htmx.post(ADD, form(**changes))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert f'id="id_{field}_error"' in answer.text
    assert not Instance.objects.exists() and not Job.objects.exists()


def test_all_errors_are_shown_at_once_and_what_was_typed_stays(htmx: Client) -> None:
    answer = htmx.post(ADD, form(name="1st", user="", mechanism="MONGODB-X509", auth_source="shop"))
    assert set(answer.context["form"].errors) == {"name", "user", "tls", "certificate"}
    for text in ('value="1st"', 'value="shop"', 'value="mongodb://db1.example.org', 'value="MONGODB-X509" selected'):
        assert text in answer.text, text
    assert "<details" in answer.text and 'class="folded" open' in answer.text


def test_the_folded_fields_are_closed_at_first(htmx: Client) -> None:
    html = htmx.get(ADD).text
    assert 'class="folded" >' in html and "Authentication Database" in html


# --- Certificates ----------------------------------------------------------------------------------------


@pytest.fixture
def pem(tmp_path: Path) -> str:
    """A certificate with its key."""
    path = certificate(tmp_path / "client.pem", names=["client"])
    return path.read_text() + path.with_suffix(".key").read_text()


def test_a_certificate_is_stored_sealed_with_its_key(htmx: Client, pem: str) -> None:
    sent = form(tls="on", mechanism="MONGODB-X509", user="", password="", certificate=pem.replace("\n", "\r\n"))
    assert htmx.post(ADD, sent).status_code == 204
    assert added().access().certificate == pem.strip()
    assert "PRIVATE KEY" not in added().sealed_certificate


@pytest.mark.parametrize("changes", [{"name": "1st"}, {"tls": ""}])
def test_a_key_is_never_sent_back(htmx: Client, plain: Client, pem: str, changes: dict[str, str]) -> None:
    for client in (htmx, plain):
        answer = client.post(ADD, form(tls="on", ca=pem.split("-----BEGIN PRIVATE")[0], certificate=pem) | changes)
        assert answer.status_code == 422
        assert "PRIVATE KEY" not in answer.text and "-----BEGIN CERTIFICATE-----" in answer.text
    assert "Paste the certificate again" in answer.text


def test_a_key_is_not_carried_through_the_sign_in(client: Client, pem: str) -> None:
    answer = client.post(ADD, form(certificate=pem, address="mongodb://reader:hunter2@db1.example.org/"))
    assert answer.status_code == 401 and "orders" in answer.text
    assert "PRIVATE KEY" not in answer.text and "hunter2" not in answer.text and SECRET not in answer.text


def test_certificates_that_cannot_be_used_are_rejected_with_the_reason(htmx: Client, pem: str, tmp_path: Path) -> None:
    other = certificate(tmp_path / "other.pem").with_suffix(".key").read_text()
    own = pem.split("-----BEGIN PRIVATE")[0]
    for text, said in {
        own: "Add the private key in PEM format",
        own + other: "The private key does not belong to the certificate.",
        own + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": "Add the private key in PEM format",
        expired(tmp_path): "The certificate expired on",
    }.items():
        answer = htmx.post(ADD, form(tls="on", certificate=text))
        assert said in str(answer.context["form"].errors["certificate"]), said
    answer = htmx.post(ADD, form(tls="on", ca=without_key(expired(tmp_path))))
    assert "The certificate expired on" in str(answer.context["form"].errors["ca"])
    # A bundle may still contain old authorities.
    assert htmx.post(ADD, form(tls="on", ca=without_key(expired(tmp_path)) + own)).status_code == 204


# --- The rules of every service ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "access",
    [
        Access(address="http://db1.example.org/"),
        Access(address="mongodb://reader:hunter2@db1.example.org/"),
        Access(address=SET, user="backup"),
        Access(address=SET, user="backup", password="x", ca="no certificate", tls=True),
    ],
)
def test_the_service_itself_enforces_the_rules(user: User, access: Access) -> None:
    with pytest.raises(ValidationError):
        add_existing_instance(name="orders", access=access, requested_by=user)
    with pytest.raises(ValidationError):
        add_existing_instance(name="1st", access=Access(address=SET), requested_by=user)
    assert not Instance.objects.exists() and not Job.objects.exists()


def test_a_host_that_is_offline_is_refused(user: User) -> None:
    host = make_host("away", seen=timezone.now() - timedelta(hours=1))
    with pytest.raises(Refused, match="offline"):
        add_existing_instance(name="orders", access=Access(address=SET), host=host, requested_by=user)
    assert not Instance.objects.exists()


def test_with_several_hosts_one_can_be_chosen(htmx: Client) -> None:
    assert 'name="host"' not in htmx.get(ADD).text
    make_host("db1")
    make_host("db2")
    assert 'name="host"' in htmx.get(ADD).text
    assert htmx.post(ADD, form(host="db2")).status_code == 204
    assert Instance.objects.get().host_id == "db2"


def test_submitting_the_same_dialog_twice_adds_one_instance(htmx: Client) -> None:
    sent = form()
    answers = [htmx.post(ADD, sent), htmx.post(ADD, sent)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[0].headers["HX-Trigger"] == answers[1].headers["HX-Trigger"]
    assert Instance.objects.count() == Job.objects.count() == Deployment.objects.count() == 1


@pytest.mark.parametrize("role", [Role.BACKUP_OPERATOR, Role.READ_ONLY])
def test_only_full_access_may_add_one(role: Role) -> None:
    client: Any = Client(headers={"HX-Request": "true"})
    client.force_login(make_user(role))
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, form()).status_code == 403
    assert not Instance.objects.exists()


def test_the_dialog_requires_signing_in_and_get_or_post(client: Client, htmx: Client) -> None:
    assert client.get(ADD).status_code == 302
    assert client.post(ADD, form()).status_code == 401
    assert htmx.delete(ADD).status_code == 405
    assert not Instance.objects.exists()


def test_the_audit_says_who_added_it(htmx: Client, user: User) -> None:
    htmx.post(ADD, form())
    event = AuditEvent.objects.get(trace="ddsAddInstance")
    assert (event.user, event.resource_name, event.outcome) == (user, "orders", "succeeded")


def test_a_private_key_among_the_authorities_is_rejected_and_not_sent_back(tmp_path: Path, htmx: Client) -> None:
    path = certificate(tmp_path / "both.pem")
    key = path.with_suffix(".key").read_text()
    answer = htmx.post(ADD, form(tls="on", ca=path.read_text() + key))
    assert answer.status_code == 422 and "Remove the private key." in answer.text
    assert key.splitlines()[1] not in answer.text and not Deployment.objects.exists()
    with pytest.raises(ValidationError, match="Remove the private key"):
        add_existing_instance(
            name="orders",
            access=Access(address=SET, user="backup", password="x", ca=path.read_text() + key, tls=True),
            requested_by=None,
        )


def test_a_password_in_what_is_no_connection_string_is_not_sent_back(htmx: Client) -> None:
    answer = htmx.post(ADD, form(address='mongosh "mongodb://reader:hunter2@db.example.org/"', password=""))
    assert answer.status_code == 422 and "hunter2" not in answer.text
