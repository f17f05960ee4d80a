"""If an instance's server is down, its row and page show that, since when, why, and what the viewer can do."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.accounts.roles import Role
from instances.choices import Action, State
from instances.models import Instance
from tests.answers import read
from tests.factories import make_instance, make_user

pytestmark = pytest.mark.django_db
LIST = reverse("instances:list")
DOWN = "The database server is down."
ANSWERED = datetime(2026, 11, 22, 9, 14, 3, tzinfo=UTC)


def make_down(**fields: Any) -> Instance:
    return make_instance(**{"state": State.ABNORMAL, "failure": "The port is taken.", "facts_at": ANSWERED, **fields})


@pytest.mark.parametrize("where", ["list", "page"])
def test_row_and_page_say_why_since_when_and_what_to_do(plain: Client, where: str) -> None:
    instance = make_down()
    html = read(plain.get(LIST if where == "list" else instance.get_absolute_url()).text)
    for text in (
        DOWN,
        "The port is taken.",
        "Last answered:",
        "Nov 22, 2026 09:14:03 UTC",
        "restart it, restore a backup",
    ):
        assert text in html, text


def test_the_page_links_to_the_remedies(plain: Client) -> None:
    instance = make_down()
    html = plain.get(instance.get_absolute_url()).content.decode()
    assert f'id="restart-{instance.id}" href="{reverse("instances:restart", args=[instance.id])}"' in html
    assert reverse("backups:instance", args=[instance.id]) in html
    assert f"instances/{instance.id}/server.log" in html


@pytest.mark.parametrize("role", [Role.READ_ONLY, Role.BACKUP_OPERATOR])
def test_a_viewer_without_permission_is_told_whom_to_ask(role: Role) -> None:
    instance = make_down()
    client = Client()
    client.force_login(make_user(role))
    for path in (LIST, instance.get_absolute_url()):
        html = client.get(path).content.decode()
        assert DOWN in html and "Ask an administrator to restart or restore it." in html
        assert "server.log" not in html and "it stays down" not in html


def test_unknown_facts_are_not_shown(plain: Client) -> None:
    instance = make_down(failure="", facts_at=None)
    html = plain.get(instance.get_absolute_url()).content.decode()
    assert DOWN in html and "Last answered" not in html


def test_a_restart_is_not_suggested_after_a_failed_restoration(plain: Client) -> None:
    instance = make_down(state=State.RESTORE_FAILED)
    html = plain.get(instance.get_absolute_url()).content.decode()
    assert "Restore a backup to it, or check its log." in html and "restart it" not in html


@pytest.mark.parametrize("fields", [{"state": State.AVAILABLE}, {"action": Action.RESTART}, {"action": Action.RESTORE}])
def test_a_server_that_is_up_or_in_an_operation_is_not_down(plain: Client, fields: dict[str, Any]) -> None:
    instance = make_down(**fields)
    assert not instance.is_down and not Instance.objects.down().exists()
    assert DOWN not in plain.get(LIST).content.decode() + plain.get(instance.get_absolute_url()).content.decode()


@pytest.mark.parametrize("state", [State.ABNORMAL, State.RESTORE_FAILED])
def test_the_property_and_the_query_agree_on_what_is_down(state: State) -> None:
    instance = make_down(state=state)
    assert instance.is_down and list(Instance.objects.down()) == [instance]
