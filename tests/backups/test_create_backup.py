"""Create Backup: the service and its three dialogs."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backups.choices import BackupMethod, BackupStatus, BackupType
from backups.models import Backup
from backups.services.create import create_backup
from console.text.refused import Refused
from instances.choices import Action, InstanceType, JobKind, JobStatus, State, Status
from instances.models import Instance, Job
from tests.factories import make_instance

pytestmark = pytest.mark.django_db
ANY_INSTANCE = reverse("backups:create")


def for_instance(instance: Instance) -> str:
    return reverse("backups:create-for-instance", args=[instance.id])


def filled_in(chosen: Instance | None = None, /, **changes: Any) -> dict[str, Any]:
    """Return the form data that a browser sends: with the instance for dialog 2, without it for the others."""
    data: dict[str, Any] = {"name": "before-upgrade", "description": "Nightly", "request_key": str(uuid.uuid4())}
    if chosen:
        data |= {"instance_type": chosen.type, "instance": chosen.id}
    return data | changes


# --- The service ---------------------------------------------------------------------------------------


def test_a_backup_starts_as_backing_up_with_a_copy_of_its_instances_facts(user: User) -> None:
    instance = make_instance(name="orders", type=InstanceType.CLUSTER)
    backup = create_backup(instance=instance, name="before-upgrade", description="Nightly", requested_by=user)

    backup.refresh_from_db()
    assert (backup.status, backup.type, backup.method) == (
        BackupStatus.BUILDING,
        BackupType.MANUAL,
        BackupMethod.PHYSICAL,
    )
    assert (backup.instance_uid, backup.instance_name, backup.instance_type, backup.engine_version) == (
        instance.id,
        "orders",
        InstanceType.CLUSTER,
        "0.7.0b3",
    )
    assert backup.id.endswith("br02") and len(backup.id) == 36
    instance.refresh_from_db()
    assert instance.status is Status.BACKING_UP
    job = Job.objects.get()
    assert backup.job == job
    assert (job.kind, job.status, job.instance, job.requested_by) == (
        JobKind.BACKUP,
        JobStatus.QUEUED,
        instance,
        user,
    )


UNAVAILABLE = [
    {"state": State.CREATING},
    {"state": State.CREATION_FAILED},
    {"state": State.ABNORMAL},
    {"state": State.RESTORE_FAILED},
    *({"action": action} for action in Action if action),
]


@pytest.mark.parametrize("fields", UNAVAILABLE, ids=str)
def test_only_an_available_instance_can_be_backed_up(user: User, fields: dict[str, Any]) -> None:
    instance = make_instance(**fields)
    with pytest.raises(Refused, match="No backup can be made now"):
        create_backup(instance=instance, name="before-upgrade", requested_by=user)
    assert not Backup.objects.exists() and not Job.objects.exists()


def test_a_stale_instance_is_checked_again_in_the_database(user: User) -> None:
    """Two users had the dialog open: the second is refused, although the page showed Available."""
    stale = make_instance()
    create_backup(instance=Instance.objects.get(), name="first", requested_by=user)
    with pytest.raises(Refused, match="Backing up"):
        create_backup(instance=stale, name="second", requested_by=user)
    assert Backup.objects.get().name == "first"


def test_an_instance_deleted_meanwhile_is_refused(user: User) -> None:
    instance = make_instance()
    Instance.objects.all().delete()
    with pytest.raises(Refused, match="no longer exists"):
        create_backup(instance=instance, name="before-upgrade", requested_by=user)


def test_the_same_request_twice_makes_one_backup(user: User) -> None:
    instance, key = make_instance(), uuid.uuid4()
    first = create_backup(instance=instance, name="before-upgrade", requested_by=user, request_key=key)
    again = create_backup(instance=instance, name="before-upgrade", requested_by=user, request_key=key)
    assert first == again
    assert Job.objects.count() == 1


def test_names_may_repeat(user: User) -> None:
    for _ in range(2):
        create_backup(instance=make_instance(), name="before-upgrade", requested_by=user)
    assert Backup.objects.filter(name="before-upgrade").count() == 2


@pytest.mark.parametrize(
    ("name", "description"), [("abc", ""), ("abcd\n", ""), ("good-name", "a<b"), ("good-name", "\x00")]
)
def test_the_service_enforces_the_rules(user: User, name: str, description: str) -> None:
    with pytest.raises(ValidationError):
        create_backup(instance=make_instance(), name=name, description=description, requested_by=user)
    assert Instance.objects.get().status is Status.AVAILABLE


# --- The dialogs ---------------------------------------------------------------------------------------


def test_the_dialog_of_an_instance_asks_for_name_and_description(htmx: Client) -> None:
    answer = htmx.get(for_instance(make_instance()))
    html = answer.content.decode()
    assert "Create Backup" in html and "<html" not in html
    assert 'name="name"' in html and 'name="description"' in html and 'name="instance"' not in html
    assert answer.context["form"]["name"].value().startswith("backup-")


def test_the_dialog_without_javascript_is_a_whole_page(plain: Client) -> None:
    html = plain.get(for_instance(make_instance())).content.decode()
    assert "<html" in html and 'method="post"' in html


def test_every_suggested_name_is_valid(htmx: Client, user: User) -> None:
    instance = make_instance()
    suggestion = htmx.get(ANY_INSTANCE).context["form"]["name"].value()
    create_backup(instance=instance, name=suggestion, requested_by=user)


def test_ok_in_the_dialog_makes_the_backup_and_refreshes_the_lists(htmx: Client, user: User) -> None:
    instance = make_instance()
    answer = htmx.post(for_instance(instance), filled_in())
    assert (answer.status_code, answer.content) == (204, b"")
    events = json.loads(answer.headers["HX-Trigger"])
    assert {"dialog-close", "refresh", "toast"} <= events.keys()
    backup = Backup.objects.get()
    assert (backup.name, backup.description, backup.instance) == ("before-upgrade", "Nightly", instance)
    assert Job.objects.get().requested_by == user


def test_ok_without_javascript_goes_to_the_instances_backups(plain: Client) -> None:
    instance = make_instance()
    answer = plain.post(for_instance(instance), filled_in(), follow=True)
    assert answer.redirect_chain == [(reverse("backups:instance", args=[instance.id]), 302)]
    html = answer.content.decode()
    assert "before-upgrade" in html and "Backing up" in html


def test_ok_in_backup_management_makes_the_backup(htmx: Client) -> None:
    instance = make_instance(type=InstanceType.SINGLE_NODE)
    answer = htmx.post(ANY_INSTANCE, filled_in(instance))
    assert answer.status_code == 204
    assert Backup.objects.get().instance == instance


@pytest.mark.parametrize("client", ["htmx", "plain"])
def test_all_errors_are_shown_at_once_and_the_input_is_kept(client: str, request: pytest.FixtureRequest) -> None:
    browser: Client = request.getfixturevalue(client)
    instance = make_instance()
    answer = browser.post(for_instance(instance), filled_in(name="1é", description="a<b"))
    html = answer.content.decode()
    assert answer.status_code == 422
    for said in ("at least 4", "Start the name with a letter", "Use only letters", "Remove &lt;"):
        assert said in html, said
    assert 'value="1é"' in html and "a&lt;b" in html
    assert 'aria-invalid="true"' in html
    assert not Backup.objects.exists()


@pytest.mark.parametrize("missing", ["name", "instance", "instance_type"])
def test_the_error_names_a_missing_field(htmx: Client, missing: str) -> None:
    answer = htmx.post(ANY_INSTANCE, filled_in(make_instance(), **{missing: ""}))
    assert answer.status_code == 422
    assert answer.context["form"].errors[missing] == [
        "Choose an instance." if missing == "instance" else "Fill in this field."
    ]


@pytest.mark.parametrize("fields", UNAVAILABLE, ids=str)
def test_an_unavailable_instance_is_not_offered_and_is_rejected(htmx: Client, fields: dict[str, Any]) -> None:
    instance = make_instance(name="not-offered", **fields)
    options = htmx.get(reverse("backups:instance-options"), {"instance_type": instance.type}).content.decode()
    assert instance.id not in options and "Not offered: " in options
    answer = htmx.post(ANY_INSTANCE, filled_in(instance))
    assert answer.status_code == 422
    assert "cannot be backed up now" in str(answer.context["form"].errors["instance"])


@pytest.mark.parametrize("tampered", ["x", "0" * 32 + "in02", "' OR 1=1 --", "\x00"])
def test_a_tampered_instance_is_rejected(htmx: Client, tampered: str) -> None:
    make_instance()
    answer = htmx.post(ANY_INSTANCE, filled_in(instance_type="ReplicaSet", instance=tampered))
    assert answer.status_code == 422
    assert "instance" in answer.context["form"].errors
    assert not Backup.objects.exists()


def test_an_instance_of_another_type_than_the_chosen_one_is_rejected(htmx: Client) -> None:
    instance = make_instance(type=InstanceType.SINGLE_NODE)
    answer = htmx.post(ANY_INSTANCE, filled_in(instance, instance_type="Sharding"))
    assert answer.status_code == 422
    assert not Backup.objects.exists()


@pytest.mark.parametrize("tampered", ["", "x", "\x00"])
def test_a_tampered_dialog_number_is_explained(htmx: Client, tampered: str) -> None:
    answer = htmx.post(for_instance(make_instance()), filled_in(request_key=tampered))
    assert answer.status_code == 422


def test_choosing_a_type_filters_the_names(htmx: Client) -> None:
    make_instance(name="the-cluster", type=InstanceType.CLUSTER)
    make_instance(name="the-node", type=InstanceType.SINGLE_NODE)
    html = htmx.get(reverse("backups:instance-options"), {"instance_type": "Single"}).content.decode()
    assert "the-node" in html and "the-cluster" not in html


def test_choosing_a_type_works_without_javascript_and_keeps_the_input(plain: Client) -> None:
    make_instance(name="the-node", type=InstanceType.SINGLE_NODE)
    answer = plain.post(
        ANY_INSTANCE, {"instance_type": "Single", "name": "kept-name", "description": "kept", "narrow": "1"}
    )
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "the-node" in html and 'value="kept-name"' in html and "kept</textarea>" in html
    assert not answer.context["form"].errors


def test_a_refusal_at_submit_time_is_shown_in_the_dialog(htmx: Client, user: User) -> None:
    instance = make_instance()
    create_backup(instance=instance, name="first", requested_by=user)
    answer = htmx.post(for_instance(instance), filled_in(name="second-one"))
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "No backup can be made now" in html and 'value="second-one"' in html


def test_submitting_the_same_dialog_twice_makes_one_backup(htmx: Client) -> None:
    instance, data = make_instance(), filled_in()
    assert [htmx.post(for_instance(instance), data).status_code for _ in range(2)] == [204, 204]
    assert Backup.objects.count() == 1


@given(
    name=st.text(max_size=70),
    description=st.text(max_size=260),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_breaks_the_dialog(htmx: Client, name: str, description: str) -> None:
    Backup.objects.all().delete()
    Job.objects.all().delete()
    Instance.objects.all().delete()
    instance = make_instance()
    answer = htmx.post(for_instance(instance), filled_in(name=name, description=description))
    made = Backup.objects.first()
    assert answer.status_code == (204 if made else 422)
    if made:
        assert (made.name, made.description) == (name, description)


@pytest.mark.parametrize("path", [ANY_INSTANCE, "/instances/" + "0" * 32 + "in02/backups/create/"])
def test_an_anonymous_user_must_sign_in_first(client: Client, path: str) -> None:
    assert client.get(path).headers["Location"].startswith(reverse("sign-in"))
    answer = client.post(path, filled_in())
    assert answer.status_code == 401 and f'action="{reverse("sign-in")}"' in answer.text


def test_after_the_session_has_ended_the_script_gets_401_and_nothing_happens(client: Client) -> None:
    answer = client.post(ANY_INSTANCE, filled_in(), headers={"HX-Request": "true"})
    assert answer.status_code == 401 and not Backup.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_another_method_is_405(htmx: Client, method: str) -> None:
    assert getattr(htmx, method)(ANY_INSTANCE).status_code == 405
    assert getattr(htmx, method)(for_instance(make_instance())).status_code == 405


def test_an_unknown_instance_is_404(htmx: Client) -> None:
    assert htmx.get("/instances/nothing/backups/create/").status_code == 404
    assert htmx.post("/instances/nothing/backups/create/", filled_in()).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "htmx"])
def test_an_expired_form_is_explained(user: User, headers: dict[str, str]) -> None:
    browser = Client(enforce_csrf_checks=True, headers=headers)
    browser.force_login(user)
    answer = browser.post(for_instance(make_instance()), filled_in())
    assert answer.status_code == 403
    assert "reload" in answer.content.decode().lower() or "again" in answer.content.decode().lower()
    assert not Backup.objects.exists()
