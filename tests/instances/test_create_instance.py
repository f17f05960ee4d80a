"""Create DB Instance: the service and its dialog. Tests with the real agent cover the job itself."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from instances import demo_documents
from instances.choices import InstanceType, JobKind, JobStatus, State, Status
from instances.demo_documents import WATCHABLE
from instances.engines.base import Server
from instances.jobs import create
from instances.models import Instance, Job
from instances.queue.job import secret_of
from instances.queue.pace import Amount
from instances.queue.work import Work
from instances.services import create_instance
from tests.factories import NEW_PASSWORD, PASSWORD_FIELDS, make_host, make_instance
from tests.jobs import do

pytestmark = pytest.mark.django_db
CREATE = reverse("instances:create")


def form(**changes: str) -> dict[str, str]:
    return {"name": "orders", "type": "Single", "request_key": str(uuid.uuid4())} | PASSWORD_FIELDS | changes


def test_a_new_instance_is_creating_and_has_a_queued_job(user: User) -> None:
    instance = create_instance(name="orders", type=InstanceType.CLUSTER, requested_by=user)
    instance.refresh_from_db()
    assert instance.status is Status.CREATING
    assert instance.id.endswith("in02") and len(instance.id) == 36
    job = Job.objects.get()
    assert (job.kind, job.status, job.instance, job.requested_by) == (
        JobKind.CREATE_INSTANCE,
        JobStatus.QUEUED,
        instance,
        user,
    )


def test_a_new_instance_goes_to_the_online_host_with_the_fewest_instances(user: User) -> None:
    make_instance(host=make_host("full"))
    make_host("free")
    make_host("away", seen=timezone.now() - timedelta(hours=1))
    assert create_instance(name="orders", type=InstanceType.CLUSTER, requested_by=user).host_id == "free"


def test_before_any_agent_has_started_a_new_instance_goes_to_this_host(user: User) -> None:
    assert create_instance(name="orders", type=InstanceType.CLUSTER, requested_by=user).host_id == "local"


def test_the_service_itself_enforces_the_name_rule(user: User) -> None:
    with pytest.raises(ValidationError):
        create_instance(name="1st", type=InstanceType.CLUSTER, requested_by=user)
    assert not Instance.objects.exists() and not Job.objects.exists()


def test_ok_in_the_dialog_creates_the_instance_and_refreshes_the_list(htmx: Client) -> None:
    answer = htmx.post(CREATE, form())
    assert answer.status_code == 204
    assert {"dialog-close", "refresh", "toast"} <= json.loads(answer.headers["HX-Trigger"]).keys()
    assert Instance.objects.get().type == InstanceType.SINGLE_NODE


def test_ok_without_javascript_goes_to_the_list(plain: Client) -> None:
    answer = plain.post(CREATE, form(), follow=True)
    assert answer.redirect_chain == [(reverse("instances:list"), 302)]
    html = answer.content.decode()
    assert "orders" in html and "Creating" in html


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (form(name="abc"), "name"),
        (form(name=""), "name"),
        (form(type="Galaxy"), "type"),
        (form(type=""), "type"),
    ],
)
def test_an_error_is_shown_beside_its_field(htmx: Client, data: dict[str, str], field: str) -> None:
    answer = htmx.post(CREATE, data)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not Instance.objects.exists()


def test_each_dialog_has_its_own_request_key(htmx: Client) -> None:
    first, second = (htmx.get(CREATE).context["form"]["request_key"].value() for _ in range(2))
    assert first != second


@pytest.mark.parametrize("key", [{}, {"request_key": "mended"}], ids=["without", "damaged"])
def test_a_dialog_without_its_request_key_creates_nothing(htmx: Client, key: dict[str, str]) -> None:
    answer = htmx.post(CREATE, {"name": "orders", "type": "Single"} | PASSWORD_FIELDS | key)
    assert answer.status_code == 422 and list(answer.context["form"].errors) == ["request_key"]
    assert not Instance.objects.exists()


def test_submitting_the_same_dialog_twice_creates_one_instance(htmx: Client) -> None:
    sent = form()
    answers = [htmx.post(CREATE, sent), htmx.post(CREATE, sent)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert answers[0].headers["HX-Trigger"] == answers[1].headers["HX-Trigger"]
    assert Instance.objects.count() == Job.objects.count() == 1
    assert htmx.post(CREATE, form()).status_code == 204
    assert Instance.objects.count() == 2


def test_another_method_is_405(htmx: Client) -> None:
    assert htmx.delete(CREATE).status_code == 405


def test_the_dialog_requires_signing_in(client: Client) -> None:
    assert client.get(CREATE).status_code == 302
    assert client.post(CREATE, form()).status_code == 401
    assert not Instance.objects.exists()


# --- The administrator's password ----------------------------------------------------------------------


def test_the_agent_gets_the_password_sealed(htmx: Client) -> None:
    assert htmx.post(CREATE, form()).status_code == 204
    job = Job.objects.get()
    assert secret_of(job) == NEW_PASSWORD and NEW_PASSWORD not in json.dumps(job.parameters) + job.secret


def test_skip_sets_no_password_whatever_was_typed(htmx: Client) -> None:
    assert htmx.post(CREATE, form(administrator="skip", password="x", confirmation="y")).status_code == 204
    assert Job.objects.get().secret == ""


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "", "confirmation": ""}, "password"),
        ({"password": "simple", "confirmation": "simple"}, "password"),
        ({"confirmation": "Another-1"}, "confirmation"),
    ],
)
def test_an_invalid_password_is_reported_beside_its_field(htmx: Client, changes: dict[str, str], field: str) -> None:
    answer = htmx.post(CREATE, form(**changes))
    assert answer.status_code == 422 and f'id="id_{field}_error"' in answer.text
    assert 'value="orders"' in answer.text and f'value="{NEW_PASSWORD}"' not in answer.text
    assert not Instance.objects.exists()


def test_the_service_itself_enforces_the_password_rule(user: User) -> None:
    with pytest.raises(ValidationError):
        create_instance(name="orders", type=InstanceType.CLUSTER, password="simple", requested_by=user)
    assert not Instance.objects.exists()


def test_generate_keeps_the_input_and_creates_nothing_yet(htmx: Client) -> None:
    sent = form(name="1st", password="", confirmation="", generate="1")
    answer = htmx.post(CREATE, sent)
    shown = answer.context["form"].shown_password
    assert answer.status_code == 200 and not Instance.objects.exists()
    assert 'value="1st"' in answer.text and f'value="{sent["request_key"]}"' in answer.text
    assert f"<code>{shown}</code>" in answer.text
    done = form(request_key=sent["request_key"], password=shown, confirmation=shown, generated=shown)
    assert htmx.post(CREATE, done).status_code == 204
    assert secret_of(Job.objects.get()) == shown


def test_without_javascript_enter_means_ok_and_generate_is_a_button(plain: Client) -> None:
    html = plain.get(CREATE).text
    # Enter presses the form's first submit button.
    assert html.index('type="submit" class="visually-hidden"') < html.index('name="generate"')
    assert "Type the password again" in plain.post(CREATE, form(name="1st")).text


# --- Demo data for an empty console -----------------------------------------------------------------------


@pytest.mark.parametrize(("ticked", "documents"), [({}, 0), ({"demo": "on"}, WATCHABLE)])
def test_demo_data_is_loaded_if_it_is_ticked(htmx: Client, ticked: dict[str, str], documents: int) -> None:
    assert htmx.post(CREATE, form(**ticked)).status_code == 204
    assert Job.objects.get().parameters["more_documents"] == documents


def test_the_guided_start_ticks_it(htmx: Client) -> None:
    assert 'name="demo"' in htmx.get(CREATE).text
    assert not htmx.get(CREATE).context["form"]["demo"].initial
    assert htmx.get(f"{CREATE}?demo=1").context["form"]["demo"].initial


def test_it_is_offered_only_while_there_is_no_instance(htmx: Client) -> None:
    make_instance(state=State.CREATION_FAILED)
    assert 'name="demo"' in htmx.get(CREATE).text
    make_instance()
    assert 'name="demo"' not in htmx.get(CREATE).text
    assert htmx.post(CREATE, form(demo="on")).status_code == 204
    assert Job.objects.get().parameters["more_documents"] == 0


def test_the_job_loads_the_demo_data_and_reports_how_far_it_is(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[float] = []

    class Reporting(Work):
        def report(self, percent: float, amount: Amount | None = None) -> None:
            reported.append(percent)

    def load_more(_server: Server, _kind: str, documents: int, report: Callable[[int], None]) -> None:
        report(documents // 2)
        report(documents)

    monkeypatch.setattr(create, "start_on_free_port", lambda _work, _instance: 1)
    monkeypatch.setattr(demo_documents, "load_more", load_more)
    create_instance(name="orders", type=InstanceType.SINGLE_NODE, requested_by=user, more_documents=1000)
    assert do(work=Reporting).status == JobStatus.COMPLETED
    assert reported[-2:] == [79.5, 99]
