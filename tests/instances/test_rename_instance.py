"""Rename: the service, and the form that replaces the name."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from console.audit.models import AuditEvent
from console.text.refused import Refused
from instances.choices import Action, State
from instances.models import Instance
from instances.services import rename_instance
from tests.factories import make_backup, make_instance

pytestmark = pytest.mark.django_db


def rename_url(instance: Instance) -> str:
    return reverse("instances:rename", args=[instance.id])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"state": State.CREATING},
        {"state": State.ABNORMAL},
        *({"action": one} for one in Action if one != Action.DELETE),
    ],
    ids=str,
)
def test_an_instance_can_be_renamed_during_any_other_operation(user: User, fields: dict[str, Any]) -> None:
    instance = make_instance(name="orders", **fields)
    assert instance.rename_refusal == ""
    assert rename_instance(instance=instance, name="orders-eu", requested_by=user).name == "orders-eu"
    instance.refresh_from_db()
    assert instance.name == "orders-eu" and instance.action == fields.get("action", "")
    assert AuditEvent.objects.get().resource_name == "orders-eu"


def test_renaming_is_refused_while_the_instance_is_being_deleted(user: User) -> None:
    instance = make_instance(name="orders", action=Action.DELETE)
    with pytest.raises(Refused, match="being deleted"):
        rename_instance(instance=instance, name="orders-eu", requested_by=user)
    assert Instance.objects.get().name == "orders"


def test_renaming_a_deleted_instance_is_refused(user: User) -> None:
    instance = make_instance()
    Instance.objects.all().delete()
    with pytest.raises(Refused, match="no longer exists"):
        rename_instance(instance=instance, name="orders-eu", requested_by=user)


def test_an_instance_can_take_a_name_in_use_or_keep_its_own(user: User) -> None:
    instance, _other = make_instance(name="orders"), make_instance(name="users")
    for name in ("orders", "users"):
        rename_instance(instance=instance, name=name, requested_by=user)


@pytest.mark.parametrize("name", ["abc", "1orders", "orders eu", "orders\n", "", "é" * 5, "x" * 65])
def test_the_service_itself_enforces_the_rule(user: User, name: str) -> None:
    with pytest.raises(ValidationError):
        rename_instance(instance=make_instance(name="orders"), name=name, requested_by=user)
    assert Instance.objects.get().name == "orders"


def test_backups_keep_the_old_name_and_lists_show_the_new_name(user: User, plain: Client) -> None:
    instance = make_instance(name="orders")
    backup = make_backup(instance)
    rename_instance(instance=instance, name="orders-eu", requested_by=user)
    backup.refresh_from_db()
    assert backup.instance_name == "orders"
    assert ">orders-eu</a>" in plain.get(reverse("backups:list")).content.decode()


def test_the_form_replaces_the_name(htmx: Client) -> None:
    instance = make_instance(name="orders")
    html = htmx.get(rename_url(instance)).content.decode()
    assert "<html" not in html and f'id="name-{instance.id}" data-editing' in html and 'value="orders"' in html


def test_ok_shows_the_new_name_and_refreshes_the_list(htmx: Client) -> None:
    instance = make_instance(name="orders")
    answer = htmx.post(rename_url(instance), {"name": "orders-eu"})
    html = answer.content.decode()
    assert answer.status_code == 200 and answer.headers["HX-Trigger"] == "refresh"
    assert f'id="name-{instance.id}"' in html and "orders-eu" in html and "data-editing" not in html
    assert Instance.objects.get().name == "orders-eu"


def test_renaming_on_basic_information_reloads_the_page(htmx: Client) -> None:
    instance = make_instance(name="orders")
    here = f"http://testserver{instance.get_absolute_url()}"
    answer = htmx.post(rename_url(instance), {"name": "orders-eu"}, headers={"HX-Current-URL": here})
    assert answer.headers["HX-Refresh"] == "true"


def test_cancel_shows_the_old_name_again(htmx: Client, plain: Client) -> None:
    instance = make_instance(name="orders")
    url = reverse("instances:name", args=[instance.id])
    html = htmx.get(url).content.decode()
    assert "orders" in html and "data-editing" not in html and "autofocus" in html
    assert plain.get(url).headers["Location"] == instance.get_absolute_url()


@pytest.mark.parametrize("client", ["htmx", "plain"])
def test_an_error_is_shown_and_the_input_stays(client: str, request: pytest.FixtureRequest) -> None:
    browser: Client = request.getfixturevalue(client)
    instance = make_instance(name="orders")
    answer = browser.post(rename_url(instance), {"name": "1é"})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "Start the name with a letter" in html and 'value="1é"' in html and 'aria-invalid="true"' in html
    assert ("<html" in html) == (client == "plain")
    assert Instance.objects.get().name == "orders"


def test_a_refusal_is_shown_in_the_form(htmx: Client) -> None:
    answer = htmx.post(rename_url(make_instance(action=Action.DELETE)), {"name": "orders-eu"})
    assert answer.status_code == 422 and "being deleted" in answer.content.decode()


def test_without_javascript_the_form_is_a_page_that_leads_to_the_instance(plain: Client) -> None:
    instance = make_instance(name="orders")
    html = plain.get(rename_url(instance)).content.decode()
    assert "<html" in html and "Rename DB Instance" in html
    answer = plain.post(rename_url(instance), {"name": "orders-eu"}, follow=True)
    assert answer.redirect_chain == [(instance.get_absolute_url(), 302)]
    assert "now called orders-eu" in answer.content.decode()


def test_unknown_ids_wrong_methods_and_anonymous_users_are_rejected(htmx: Client, client: Client) -> None:
    instance = make_instance(name="orders")
    for name in ("rename", "name"):
        assert htmx.get(f"/instances/nothing/{name}/").status_code == 404
        assert htmx.put(f"/instances/{instance.id}/{name}/").status_code == 405
    assert client.post(rename_url(instance), {"name": "orders-eu"}).status_code == 401
    assert Instance.objects.get().name == "orders"
