"""The type that the Create Backup dialog of Backup Management chooses, and the instances that it does not offer."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.accounts.roles import Role
from instances.choices import Action, InstanceType, State
from instances.models import Instance
from tests.factories import make_host, make_instance, make_user

pytestmark = pytest.mark.django_db
CREATE, OPTIONS = reverse("backups:create"), reverse("backups:instance-options")


def chosen(html: str) -> str:
    [found] = re.findall(r'<option value="(\w+)" selected>', html)
    return str(found)


def opened_on(client: Client, tab: str) -> str:
    """Open the dialog on a tab of Backup Management that was reached without loading the page again."""
    address = f"http://testserver/backups/?type={tab}"
    return client.get(CREATE, headers={"HX-Current-URL": address}).content.decode()


def test_the_dialog_chooses_a_type_that_has_an_available_instance(htmx: Client) -> None:
    make_instance(type=InstanceType.CLUSTER, action=Action.RESTORE)
    make_instance(type=InstanceType.SINGLE_NODE)
    assert chosen(htmx.get(CREATE).content.decode()) == InstanceType.SINGLE_NODE


def test_the_dialog_chooses_the_type_of_the_tab_unless_it_has_no_available_instance(htmx: Client) -> None:
    make_instance(type=InstanceType.REPLICA_SET)
    make_instance(type=InstanceType.SINGLE_NODE)
    make_instance(type=InstanceType.CLUSTER, state=State.ABNORMAL)
    assert chosen(opened_on(htmx, "Single")) == InstanceType.SINGLE_NODE
    for tab in ("Sharding", "ReplicaSet", "nothing", ""):
        assert chosen(opened_on(htmx, tab)) == InstanceType.REPLICA_SET, tab


def test_without_javascript_the_link_on_a_tab_keeps_its_type(plain: Client) -> None:
    make_instance(type=InstanceType.REPLICA_SET)
    make_instance(type=InstanceType.SINGLE_NODE)
    assert f'href="{CREATE}"' in plain.get("/backups/").content.decode()
    assert f'href="{CREATE}?type=Single"' in plain.get("/backups/?type=Single").content.decode()
    assert chosen(plain.get(f"{CREATE}?type=Single").content.decode()) == InstanceType.SINGLE_NODE


def test_an_instance_on_an_offline_host_is_not_available(htmx: Client) -> None:
    away = make_host("away", seen=timezone.now() - timedelta(hours=1))
    make_instance(type=InstanceType.CLUSTER, name="remote", host=away)
    make_instance(type=InstanceType.REPLICA_SET)
    assert chosen(htmx.get(CREATE).content.decode()) == InstanceType.REPLICA_SET
    html = htmx.get(OPTIONS, {"instance_type": "Sharding"}).content.decode()
    assert "Not offered: remote is on an offline host." in html


def test_the_empty_choice_asks_for_an_instance(htmx: Client) -> None:
    make_instance(type=InstanceType.CLUSTER)
    answer = htmx.post(CREATE, {"instance_type": "Sharding", "name": "nightly", "request_key": "0" * 32})
    assert answer.status_code == 422 and answer.context["form"].errors == {"instance": ["Choose an instance."]}


STATES: list[tuple[dict[str, Any], str]] = [
    ({"action": Action.RESTORE}, "orders is being restored"),
    ({"action": Action.BACKUP}, "orders is being backed up"),
    ({"action": Action.RESTORE_TO_NEW_INSTANCE}, "orders is being restored to a new instance"),
    ({"action": Action.RESTART}, "orders is being restarted"),
    ({"action": Action.DELETE}, "orders is being deleted"),
    ({"state": State.CREATING}, "orders is being created"),
    ({"state": State.CREATION_FAILED}, "orders could not be created"),
    ({"state": State.RESTORE_FAILED}, "orders could not be restored"),
    ({"state": State.ABNORMAL}, "orders is abnormal"),
]


@pytest.mark.parametrize(("fields", "said"), STATES, ids=[said for _, said in STATES])
def test_an_instance_that_is_not_offered_is_named_with_the_reason(
    htmx: Client, fields: dict[str, Any], said: str
) -> None:
    make_instance(name="orders", **fields)
    make_instance(name="shop")
    html = htmx.get(CREATE).content.decode()
    assert f"Not offered: {said}." in html and "shop is" not in html
    assert "Not offered" not in htmx.get(OPTIONS, {"instance_type": "Sharding"}).content.decode()


def test_only_a_few_are_named_and_the_rest_is_counted(htmx: Client) -> None:
    make_instance(name="shop")
    for number in range(8):
        make_instance(name=f"busy-{number}", action=Action.BACKUP)
    html = htmx.get(CREATE).content.decode()
    assert html.count("is being backed up") == 3 and "busy-2 is being backed up, and 5 more." in html


def test_if_every_instance_is_offered_nothing_is_said(htmx: Client) -> None:
    make_instance()
    assert "Not offered" not in htmx.get(CREATE).content.decode()


def test_an_empty_console_offers_to_create_an_instance(htmx: Client, plain: Client) -> None:
    html = htmx.get(CREATE).content.decode()
    assert "There is no DB instance yet. Create one, then back it up." in html
    assert reverse("instances:create") in html and 'name="instance"' not in html
    assert "There is no DB instance yet" in plain.get(CREATE).content.decode()


def test_if_no_instance_is_available_the_dialog_says_why_and_offers_to_create_one(htmx: Client) -> None:
    make_instance(name="orders", action=Action.RESTORE)
    make_instance(name="shop", state=State.ABNORMAL, type=InstanceType.CLUSTER)
    html = htmx.get(CREATE).content.decode()
    assert "No DB instance can be backed up now: orders is being restored, shop is abnormal." in html
    assert reverse("instances:create") in html and html.count("Create DB Instance") == 1 and "Cancel" in html


def test_a_user_who_cannot_create_instances_is_not_offered_to(client: Client) -> None:
    client.force_login(make_user(Role.BACKUP_OPERATOR))
    html = client.get(CREATE, headers={"HX-Request": "true"}).content.decode()
    assert "There is no DB instance yet" in html and reverse("instances:create") not in html


@pytest.mark.parametrize("available", [1, 50])
def test_the_dialog_costs_the_same_number_of_queries_for_many_instances(
    htmx: Client, available: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(available):
        make_instance(name=f"shop-{number}", type=InstanceType.CLUSTER)
        make_instance(name=f"busy-{number}", type=InstanceType.CLUSTER, action=Action.BACKUP)
    assert Instance.objects.count() == 2 * available
    htmx.get(CREATE)
    with django_assert_max_num_queries(12):
        htmx.get(CREATE)
