"""Instances whose servers start with the agent are Restarting, not Abnormal."""

import pytest
from django.test import Client
from django.urls import reverse

from instances.choices import State, Status
from instances.models import Instance
from instances.queue.supervisor import Supervisor
from tests.factories import make_instance

pytestmark = pytest.mark.django_db


@pytest.fixture
def starting() -> Instance:
    """An instance that was Available when its agent started."""
    instance = make_instance(name="orders")
    Supervisor("local").begin()
    instance.refresh_from_db()
    return instance


def test_a_server_that_starts_with_the_agent_is_restarting(starting: Instance) -> None:
    assert (starting.status, starting.failure) == (Status.RESTARTING, "")
    assert starting.in_transition and not starting.is_down
    assert starting.backup_refusal and starting.restart_refusal


def test_pages_do_not_call_it_a_fault(starting: Instance, plain: Client) -> None:
    for page in (reverse("instances:list"), reverse("instances:detail", args=[starting.id])):
        html = plain.get(page).text
        assert "Restarting" in html and "The database server is down." not in html
    assert not Instance.objects.faulty().exists() and not Instance.objects.down().exists()


def test_lists_and_counts_find_it_among_the_restarting(starting: Instance, plain: Client) -> None:
    found = plain.get(reverse("instances:list"), {"status": "RESTART"}).context["instances"]
    assert found == [starting]
    assert Instance.objects.by_status() == {Status.RESTARTING: 1}


def test_an_instance_that_was_down_before_stays_abnormal() -> None:
    instance = make_instance(state=State.ABNORMAL, failure="The disk is full.")
    Supervisor("local").begin()
    instance.refresh_from_db()
    assert (instance.status, instance.failure) == (Status.ABNORMAL, "The disk is full.")
