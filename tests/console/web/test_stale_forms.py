"""Two people edit one row: the form that is older than the row is refused, and the audit says what changed."""

from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation

from backups.models import Backup, Policy
from backups.services.edit import edit_description
from console.accounts.roles import Role
from console.audit.models import AuditEvent
from instances.models import Instance
from tests.at_once import at_once
from tests.factories import make_backup, make_instance, make_user

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Edit:
    """A form, what two people enter in it, and the sentences about the first one's change."""

    make: Callable[[], str]
    first: dict[str, Any]
    second: dict[str, Any]
    change: str
    kept: str
    read: Callable[[], object]


def description() -> str:
    return reverse("backups:edit-description", args=[make_backup(description="Before").id])


def name() -> str:
    return reverse("instances:rename", args=[make_instance(name="orders").id])


def policy() -> str:
    return reverse("backups:policy", args=[make_instance().id])


POLICY = {"enabled": "on", "window": "02:00-03:00", "weekdays": ["1", "2", "3", "4", "5", "6", "7"]}
EDITS = {
    "description": Edit(
        description,
        {"description": ""},
        {"description": "Mine"},
        "Description: Before → (empty)",
        "Mine</textarea>",
        lambda: Backup.objects.get().description,
    ),
    "name": Edit(
        name,
        {"name": "theirs"},
        {"name": "mine"},
        "DB Instance Name: orders → theirs",
        'value="mine"',
        lambda: Instance.objects.get().name,
    ),
    "policy": Edit(
        policy,
        POLICY | {"keep_days": "9", "weekdays": ["1", "5"]},
        POLICY | {"keep_days": "30"},
        "Retention Period (days): 7 → 9; Backup Cycle: "
        "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday → Monday, Friday",
        'value="30"',
        lambda: Policy.objects.get().keep_days,
    ),
}


@pytest.fixture(params=EDITS)
def edit(request: pytest.FixtureRequest) -> Edit:
    return EDITS[request.param]


def opened_with(client: Client, address: str) -> dict[str, str]:
    """Open the form, and return its hidden field."""
    return field_in(client.get(address).text)


def field_in(html: str) -> dict[str, str]:
    return {"opened_with": unescape(html.split('name="opened_with" value="')[1].split('"')[0])}


@pytest.mark.parametrize("browser", ["htmx", "plain"])
def test_an_older_form_is_refused_and_keeps_what_was_entered(
    edit: Edit, browser: str, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(browser)
    address = edit.make()
    opened = opened_with(client, address)
    assert client.post(address, edit.first | opened).status_code < 400
    first = edit.read()
    answer = client.post(address, edit.second | opened)
    assert answer.status_code == 422 and edit.read() == first
    html = unescape(answer.text)
    assert f"This was changed after you opened the form. {edit.change}." in html and edit.kept in html
    # Once the user has read that, the same form replaces the other change.
    assert client.post(address, edit.second | field_in(answer.text)).status_code < 400
    assert edit.read() != first


def test_the_same_change_submitted_twice_is_not_refused(edit: Edit, plain: Client) -> None:
    address = edit.make()
    opened = opened_with(plain, address)
    assert [plain.post(address, edit.first | opened).status_code for _ in range(2)] == [302, 302]


@pytest.mark.django_db(transaction=True)
def test_of_two_forms_submitted_at_the_same_instant_one_is_refused(edit: Edit) -> None:
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(make_user())
    address = edit.make()
    opened = opened_with(clients[0], address)
    entered = [edit.first, edit.second]
    statuses = at_once(2, lambda n: clients[n].post(address, entered[n] | opened).status_code)
    assert sorted(statuses) == [302, 422]


def test_the_audit_says_what_changed(edit: Edit, plain: Client) -> None:
    address = edit.make()
    plain.post(address, edit.first | opened_with(plain, address))
    assert edit.change in plain.get(reverse("audit")).text
    event = AuditEvent.objects.latest("id")
    assert event.details == edit.change
    with translation.override("zh-hans"):
        assert AuditEvent.objects.latest("id").details != edit.change
    assert edit.change in plain.get(reverse("audit"), {"format": "csv"}).getvalue().decode()


@pytest.mark.parametrize("sent", ["x", "\0", "a:b:c", "9" * 5000])
def test_values_that_the_console_did_not_send_are_rejected(edit: Edit, htmx: Client, sent: str) -> None:
    address = edit.make()
    answer = htmx.post(address, edit.first | {"opened_with": sent})
    assert answer.status_code == 422 and "Close it and open it again." in answer.text


def test_the_audit_says_which_role_a_user_had(db: None) -> None:
    make_user(Role.READ_ONLY, username="ann")
    call_command("user", "ann", role="full-access")
    assert AuditEvent.objects.latest("id").details == "Role: Read-only → Full access"


def test_an_edit_that_changes_nothing_has_no_details(user: User) -> None:
    edit_description(backup=make_backup(description="Same"), description="Same", requested_by=user)
    assert AuditEvent.objects.get().details == ""
