"""Restart: the service, its confirmation, and the rows that the agent's job writes."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from console.text.refused import Refused
from instances.choices import Action, JobKind, JobStatus, State, Status
from instances.models import Instance, Job
from instances.queue.supervisor import StartFailed
from instances.services import restart_instance
from tests.factories import make_instance
from tests.jobs import do

pytestmark = pytest.mark.django_db


def restart_url(instance: Instance) -> str:
    return reverse("instances:restart", args=[instance.id])


@pytest.mark.parametrize("state", [State.AVAILABLE, State.ABNORMAL])
def test_the_instance_is_restarting_with_a_queued_job(user: User, state: State) -> None:
    instance = make_instance(state=state)
    assert instance.restart_refusal == ""
    restart_instance(instance=instance, requested_by=user)
    instance.refresh_from_db()
    assert instance.status is Status.RESTARTING
    job = Job.objects.get()
    assert (job.kind, job.status, job.instance, job.requested_by) == (JobKind.RESTART, JobStatus.QUEUED, instance, user)


BUSY = [{"state": State.CREATING}, *({"action": action} for action in Action if action)]
NO_SERVER = [{"state": State.CREATION_FAILED}, {"state": State.RESTORE_FAILED}, {"port": None}]


@pytest.mark.parametrize("fields", [*BUSY, *NO_SERVER], ids=str)
def test_the_action_is_refused_with_the_reason(user: User, fields: dict[str, Any]) -> None:
    instance = make_instance(**fields)
    with pytest.raises(Refused) as refusal:
        restart_instance(instance=instance, requested_by=user)
    assert instance.restart_refusal == str(refusal.value.message) != ""
    assert ("operation is running" in instance.restart_refusal) == (fields in BUSY)
    assert not Job.objects.exists()


def test_only_one_of_two_restarts_succeeds(user: User) -> None:
    stale = make_instance()
    restart_instance(instance=Instance.objects.get(), requested_by=user)
    with pytest.raises(Refused, match="Restarting"):
        restart_instance(instance=stale, requested_by=user)


# --- The job ---------------------------------------------------------------------------------------


class Servers:
    """A supervisor that records its calls."""

    def __init__(self, failure: str = "") -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.failure = failure

    def stop(self, instance_id: str) -> None:
        self.calls.append(("stop", instance_id))

    def start(self, instance: Instance, port: int) -> None:
        self.calls.append(("start", instance.id, port))
        if self.failure:
            raise StartFailed(self.failure)


def run(user: User, servers: Servers) -> Instance:
    """Restart an instance in the same way as the agent."""
    instance = make_instance()
    restart_instance(instance=instance, requested_by=user)
    do(servers)
    instance.refresh_from_db()
    return instance


def test_the_server_is_stopped_and_started_on_its_port(user: User) -> None:
    servers = Servers()
    instance = run(user, servers)
    assert servers.calls == [("stop", instance.id), ("start", instance.id, instance.port)]
    assert (instance.status, Job.objects.get().status) == (Status.AVAILABLE, JobStatus.COMPLETED)


def test_an_instance_whose_server_does_not_start_again_is_abnormal_with_the_reason(user: User) -> None:
    instance = run(user, Servers("The port is taken."))
    assert (instance.status, instance.failure) == (Status.ABNORMAL, "The port is taken.")
    job = Job.objects.get()
    assert (job.status, job.failure) == (JobStatus.FAILED, "The port is taken.")


def test_an_instance_whose_server_dies_again_stays_abnormal(user: User) -> None:
    class DiesAgain(Servers):
        def start(self, instance: Instance, port: int) -> None:
            Instance.objects.filter(pk=instance.pk).update(state=State.ABNORMAL, failure="It died.")

    assert run(user, DiesAgain()).status is Status.ABNORMAL


# --- The confirmation ----------------------------------------------------------------------------------


def test_the_confirmation_has_a_yes_button_and_says_what_happens(htmx: Client) -> None:
    html = htmx.get(restart_url(make_instance(name="orders"))).content.decode()
    assert "<strong>orders</strong>" in html and "Yes" in html and "<html" not in html
    assert Instance.objects.get().status is Status.AVAILABLE


def test_yes_restarts_the_instance_and_refreshes_the_list(htmx: Client) -> None:
    answer = htmx.post(restart_url(make_instance()))
    assert answer.status_code == 204
    assert {"dialog-close", "refresh", "toast"} <= json.loads(answer.headers["HX-Trigger"]).keys()
    assert Instance.objects.get().status is Status.RESTARTING


def test_yes_without_javascript_goes_to_the_instance(plain: Client) -> None:
    instance = make_instance()
    assert "<html" in plain.get(restart_url(instance)).content.decode()
    answer = plain.post(restart_url(instance), follow=True)
    assert answer.redirect_chain == [(instance.get_absolute_url(), 302)]
    assert "Restarting" in answer.content.decode()


def test_a_refusal_is_shown_in_the_dialog(htmx: Client) -> None:
    answer = htmx.post(restart_url(make_instance(action=Action.BACKUP)))
    assert answer.status_code == 422 and "operation is running" in answer.content.decode()


def test_the_menu_offers_a_restart_or_says_why_not(plain: Client) -> None:
    instance = make_instance()
    url = reverse("instances:list")
    assert restart_url(instance) in plain.get(url).content.decode()
    Instance.objects.update(action=Action.BACKUP)
    assert restart_url(instance) not in plain.get(url).content.decode()


def test_unknown_ids_wrong_methods_and_anonymous_users_are_rejected(htmx: Client, client: Client) -> None:
    instance = make_instance()
    assert htmx.get("/instances/nothing/restart/").status_code == 404
    assert htmx.put(restart_url(instance)).status_code == 405
    assert client.post(restart_url(instance)).status_code == 302
    assert not Job.objects.exists()
