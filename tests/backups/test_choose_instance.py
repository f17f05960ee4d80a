"""The DB Instance Name field of the Backup Management dialog, when there are more instances than it offers."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from backups.forms import create as forms
from backups.models import Backup
from instances.choices import Action, InstanceType
from instances.models import Instance
from tests.factories import make_instance

pytestmark = pytest.mark.django_db
CREATE, OPTIONS = reverse("backups:create"), reverse("backups:instance-options")


@pytest.fixture
def instances(db: None, monkeypatch: pytest.MonkeyPatch) -> list[Instance]:
    """Create eight Available clusters and a busy one; the field offers three of them."""
    monkeypatch.setattr(forms, "OFFERED", 3)
    make_instance(name="aaaa-busy", type=InstanceType.CLUSTER, action=Action.BACKUP)
    return [make_instance(name=f"Orders-{number}", type=InstanceType.CLUSTER) for number in range(8)]


def offered(html: str) -> list[str]:
    return re.findall(r"<option[^>]*>\s*([\w-]+) \(", html.split('name="instance"')[1])


def test_the_field_offers_the_first_names_and_a_search_of_all(htmx: Client, instances: list[Instance]) -> None:
    html = htmx.get(CREATE).content.decode()
    assert offered(html) == ["Orders-0", "Orders-1", "Orders-2"]
    assert "the first 3 are offered" in html and 'name="instance_search"' in html


@pytest.mark.parametrize("text", ["orders-7", "ORDERS-7", " Orders-7 "])
def test_typing_filters_the_names(htmx: Client, instances: list[Instance], text: str) -> None:
    html = htmx.get(OPTIONS, {"instance_type": "Sharding", "instance_search": text}).content.decode()
    assert offered(html) == ["Orders-7"] and "instance_search" not in html


def test_an_instance_can_be_found_by_its_id(htmx: Client, instances: list[Instance]) -> None:
    query = {"instance_type": "Sharding", "instance_search": instances[5].id}
    assert offered(htmx.get(OPTIONS, query).content.decode()) == ["Orders-5"]


@pytest.mark.parametrize("text", ["nothing", "\0", "%", "é", "aaaa"])
def test_a_search_without_results_says_so(htmx: Client, instances: list[Instance], text: str) -> None:
    answer = htmx.get(OPTIONS, {"instance_type": "Sharding", "instance_search": text})
    assert answer.status_code == 200 and "No Available instance matches" in answer.content.decode()


@pytest.mark.parametrize("query", [{}, {"instance_type": "Galaxy"}, {"instance": "\0"}, {"instance_type": "\0"}])
def test_an_invalid_query_is_not_an_error(htmx: Client, instances: list[Instance], query: dict[str, str]) -> None:
    assert htmx.get(OPTIONS, query).status_code == 200


def test_the_chosen_instance_stays_chosen_when_the_search_changes(htmx: Client, instances: list[Instance]) -> None:
    query = {"instance_type": "Sharding", "instance_search": "orders-1", "instance": instances[6].id}
    html = htmx.get(OPTIONS, query).content.decode()
    assert offered(html) == ["Orders-6", "Orders-1"]
    assert f'value="{instances[6].id}" selected' in html


def test_any_available_instance_of_the_type_can_be_chosen(htmx: Client, instances: list[Instance]) -> None:
    data = {
        "instance_type": "Sharding",
        "instance_search": "orders-1",
        "instance": instances[6].id,
        "name": "nightly",
        "request_key": "0" * 32,
    }
    assert htmx.post(CREATE, data).status_code == 204
    assert Backup.objects.get().instance == instances[6]


def test_without_javascript_a_button_filters_the_names(plain: Client, instances: list[Instance]) -> None:
    html = plain.get(CREATE).content.decode()
    assert html.index('name="instance_search"') < html.index('name="narrow"') < html.index('name="instance"')
    data = {"instance_type": "Sharding", "instance_search": "orders-7", "narrow": "1", "name": "kept-name"}
    html = plain.post(CREATE, data).content.decode()
    assert offered(html) == ["Orders-7"] and 'value="kept-name"' in html and 'value="orders-7"' in html
    assert "has-error" not in html and "aria-invalid" not in html


def test_a_few_instances_are_all_offered_without_a_search(htmx: Client) -> None:
    make_instance(name="orders", type=InstanceType.CLUSTER)
    html = htmx.get(CREATE).content.decode()
    assert offered(html) == ["orders"] and 'name="instance_search"' not in html
