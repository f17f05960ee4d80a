"""A More menu says a reason that several of its operations share once."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from console.accounts.roles import Role
from tests.factories import make_instance, make_user

pytestmark = pytest.mark.django_db


def menu(client: Client, id: str) -> str:
    html = client.get(reverse("instances:list")).text
    return html.split(f'id="menu-{id}"')[1].split("</div>")[0]


def as_role(role: Role) -> Client:
    client = Client()
    client.force_login(make_user(role))
    return client


def test_a_reason_for_several_operations_stands_once_and_describes_each() -> None:
    instance = make_instance()
    html = menu(as_role(Role.BACKUP_OPERATOR), instance.id)
    note, why = re.findall(r'<p class="menu-note" role="none" id="([^"]+)">([^<]+)</p>', html)[0]
    assert html.count(why) == 1 and "Full access" in why
    disabled = re.findall(r'<button type="button" role="menuitem"[^>]*>', html)
    assert len(disabled) == 4 and all('aria-disabled="true"' in each for each in disabled)
    assert all(f'aria-describedby="{note}"' in each for each in disabled)
    assert html.index("Create Backup") < html.index(why) < html.index("Restart")


def test_a_reader_reads_each_reason_once() -> None:
    html = menu(as_role(Role.READ_ONLY), make_instance().id)
    reasons = re.findall(r"<(?:p|small)[^>]*>([^<]+)</", html)
    assert reasons and len(reasons) == len(set(reasons))


def test_a_reason_for_one_operation_stays_with_it(plain: Client) -> None:
    html = menu(plain, make_instance(state="restorefail").id)
    assert "<small>" in html
