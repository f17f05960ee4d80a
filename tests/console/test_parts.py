"""A list's rows are rendered once for everybody who sees them alike, and never shown to anybody who does not."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.template import engines, loader
from django.test import Client
from django.utils import timezone, translation

from backups.models import Backup
from console.accounts.roles import Role
from instances.models import Instance, Job
from tests.factories import make_backup, make_instance, make_job, make_user

pytestmark = pytest.mark.django_db
LIST = "/backups/"


@pytest.fixture(autouse=True)
def nothing_rendered() -> None:
    caches["parts"].clear()


def render(user: User, **inputs: object) -> str:
    names = " ".join(f"{name}={name}" for name in inputs)
    template = engines["django"].from_string(f'{{% load parts %}}{{% part "backups/_row.html" {names} %}}')
    return template.render({**inputs, "user": user})


def version(client: Client) -> str:
    """Of the list: a hash of its markup."""
    return client.get(LIST).content.decode().split('data-version="')[1].split('"')[0]


def rendered_anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates of rows that are rendered from now on."""
    names: list[str] = []
    real = loader.render_to_string

    def noted(template_name: str, context: dict[str, object], request: Any = None) -> str:
        names.append(template_name)
        return real(template_name, context, request)

    monkeypatch.setattr(loader, "render_to_string", noted)
    return names


def test_a_row_is_rendered_once_for_all_who_see_it_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    anew = rendered_anew(monkeypatch)
    backup = make_backup()
    first = render(make_user(username="ann"), backup=backup, instance=None)
    assert render(make_user(username="bob"), backup=Backup.objects.shown().get(), instance=None).count("<tr") == 1
    again = render(make_user(username="cy"), backup=Backup.objects.shown().get(), instance=None)
    assert "<tr" in first and first.count(backup.id) == again.count(backup.id)
    # Fetched with its neighbours it is one thing, without them another.
    assert anew == ["backups/_row.html"] * 2


@pytest.mark.parametrize(
    "change",
    [
        lambda: Backup.objects.update(name="renamed"),
        lambda: Backup.objects.update(verifying=True),
        lambda: Instance.objects.update(name="renamed"),
        lambda: Job.objects.update(progress=43),
    ],
)
def test_a_change_of_the_row_or_of_what_it_is_fetched_with_shows_at_once(
    plain: Client, change: Callable[[], object]
) -> None:
    instance = make_instance()
    make_backup(instance, job=make_job(instance=instance, progress=42), status="BUILDING")
    before = version(plain)
    assert version(plain) == before
    change()
    assert version(plain) != before


def test_a_role_sees_its_own_row(client: Client) -> None:
    make_backup()
    reader, operator = make_user(username="reader", role=Role.READ_ONLY), make_user(username="boss")
    client.force_login(operator)
    assert b"Your role (Read-only)" not in client.get(LIST).content
    client.force_login(reader)
    assert b"Your role (Read-only)" in client.get(LIST).content


def test_a_language_and_a_time_zone_have_rows_of_their_own(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    anew = rendered_anew(monkeypatch)
    backup = make_backup()
    render(user, backup=backup, instance=None)
    with translation.override("de"):
        render(user, backup=backup, instance=None)
    with timezone.override("Asia/Shanghai"):
        render(user, backup=backup, instance=None)
    render(user, backup=backup, instance=None)
    assert len(anew) == 3


def test_a_row_knows_nothing_of_the_page_but_its_inputs(user: User) -> None:
    template = engines["django"].from_string('{% load parts %}{% part "components/_failure.html" %}')
    assert "secret" not in template.render({"user": user, "reason": "secret"})
