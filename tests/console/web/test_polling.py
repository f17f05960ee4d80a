"""A refresh of an unchanged list is a 204 with at most two queries besides session and user."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.template import loader
from django.test import Client

from backups.choices import BackupStatus
from backups.models import Backup
from console.accounts.roles import Role
from console.web import htmx as console_htmx
from instances.choices import Action, JobKind, JobStatus
from tests.factories import make_backup, make_instance, make_job, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def addresses() -> list[str]:
    """Return the addresses of lists that poll, with one backup in progress and thirty that have ended."""
    instance = make_instance(action=Action.BACKUP)
    for _ in range(30):
        make_backup(instance, job=make_job(instance=instance, kind=JobKind.BACKUP))
    job = make_job(instance=instance, kind=JobKind.BACKUP, status=JobStatus.RUNNING, progress=10)
    backup = make_backup(instance, status=BackupStatus.BUILDING, job=job)
    return [
        *("/instances/", f"/instances/{instance.id}/basic-information/", f"/instances/{instance.id}/backups/"),
        *("/backups/", "/backups/?type=ReplicaSet", "/backups/?size=50", f"/backups/{backup.id}/"),
        *("/tasks/", "/tasks/?status=Running"),
    ]


def test_a_refresh_without_changes_is_204_and_needs_few_queries(
    htmx: Client, addresses: list[str], django_assert_max_num_queries: Any
) -> None:
    for address in addresses:
        html = htmx.get(address).content.decode()
        assert "every 1s" in html, address
        version = html.split('data-version="')[1].split('"')[0]
        with django_assert_max_num_queries(5):  # the session, its user and three more
            answer = poll(htmx, address, version)
        assert answer.status_code == 204, address


def poll(client: Client, address: str, version: str) -> Any:
    return client.get(f"{address}{'&' if '?' in address else '?'}version={version}")


# --- A list is rendered once a second for all its viewers -------------------------------------------


@pytest.fixture(autouse=True)
def nothing_shared() -> None:
    caches["lists"].clear()


def browser_of(user: User) -> Client:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(user)
    return client


def refresh(client: Client, address: str = "/backups/", *, version: str = "old", as_of: int = 0) -> Any:
    return client.get(address, {"version": version, "as_of": str(as_of)})


def running(**fields: Any) -> Backup:
    return make_backup(status=BackupStatus.BUILDING, job=make_job(status=JobStatus.RUNNING, progress=10), **fields)


def test_a_second_viewer_within_one_second_needs_no_query(user: User, django_assert_num_queries: Any) -> None:
    running()
    first, other = refresh(browser_of(user)), browser_of(make_user())
    with django_assert_num_queries(2):  # the session and its user
        assert refresh(other).content == first.content
    version = first.content.decode().split('data-version="')[1].split('"')[0]
    assert refresh(other, version=version).status_code == 204


def test_a_viewer_of_a_newer_list_does_not_get_the_older_list(user: User) -> None:
    running(name="first")
    refresh(browser_of(user))
    running(name="second")
    newer = time.time_ns() // 1_000_000 + 1
    assert b">second<" not in refresh(browser_of(make_user())).content
    assert b">second<" in refresh(browser_of(make_user()), as_of=newer).content


def test_a_list_fetched_after_an_action_is_rendered_again(user: User) -> None:
    browser = browser_of(user)
    running(name="first")
    refresh(browser)
    running(name="second")
    assert b">second<" in browser.get("/backups/").content
    # From then on, all viewers get the new list.
    assert b">second<" in refresh(browser_of(make_user())).content


def test_a_list_is_rendered_again_after_a_second(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_htmx, "SHARED_SECONDS", 0)
    running(name="first")
    refresh(browser_of(user))
    running(name="second")
    assert b">second<" in refresh(browser_of(user)).content


def test_lists_are_not_shared_between_roles_languages_or_choices(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    running()
    made: list[str] = []
    real = loader.render_to_string

    def noted(name: str, *rest: Any) -> str:
        made.append(name)
        return real(name, *rest)

    monkeypatch.setattr(console_htmx, "render_to_string", noted)
    refresh(browser_of(user))
    refresh(browser_of(make_user(role=Role.READ_ONLY)))
    with_choice = browser_of(make_user())
    with_choice.cookies["choice"] = "50"
    refresh(with_choice)
    assert len(made) == 3
    refresh(browser_of(make_user()))
    assert len(made) == 3


def test_lists_are_the_same_for_all_users_of_one_role(user: User, addresses: list[str]) -> None:
    ours, theirs = browser_of(user), browser_of(make_user())
    for address in (*addresses, "/audit/"):
        versions = {
            client.get(address).content.decode().split('data-version="')[1].split('"')[0] for client in (ours, theirs)
        }
        assert len(versions) == 1, address
