"""The search over everything: what it finds, for whom, and at what price."""

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.accounts.roles import Role
from console.overview.search import LISTED
from instances.choices import InstanceType, JobKind
from tests.conftest import HTMX
from tests.factories import make_backup, make_instance, make_job, make_user

pytestmark = pytest.mark.django_db
SEARCH = reverse("search")


def found(client: Client, text: str) -> dict[str, list[str]]:
    groups = client.get(SEARCH, {"q": text}).context["groups"]
    return {group.code: [result.label for result in group.results] for group in groups}


def test_names_are_found_by_how_they_begin_whatever_their_case(plain: Client) -> None:
    instance = make_instance(name="Orders-eu", type=InstanceType.SINGLE_NODE)
    backup = make_backup(instance, name="orders-nightly")
    job = make_job(instance=instance, kind=JobKind.RESTART)
    make_backup(make_instance(name="my-orders"), name="no-orders")
    assert found(plain, "ORDERS") == {
        "instance": ["Orders-eu"],
        "backup": ["orders-nightly"],
        "task": ["Restart instance"],
    }
    html = unescape(plain.get(SEARCH, {"q": "orders"}).text)
    for url in (instance.get_absolute_url(), backup.get_absolute_url(), str(job.id)):
        assert url in html
    assert "Single node, Available" in html


def test_whole_ids_are_found_also_pasted_with_spaces(plain: Client) -> None:
    instance = make_instance(name="orders")
    backup, job = make_backup(name="nightly"), make_job(kind=JobKind.VERIFY)
    assert found(plain, f" {backup.id}\n") == {"backup": ["nightly"]}
    assert found(plain, str(job.id)) == {"task": ["Verify backup"]}
    make_job(instance=instance, kind=JobKind.RESTART)
    assert found(plain, instance.id) == {"instance": ["orders"], "task": ["Restart instance"]}


def test_pages_are_found_by_any_word_of_their_name(plain: Client) -> None:
    assert found(plain, "center") == {"page": ["Task Center"]}
    assert found(plain, "enter") == {}
    assert found(plain, "manage") == {"page": ["Instance Management", "Backup Management"]}


def test_pages_are_found_in_the_viewers_language(plain: Client) -> None:
    assert plain.get(SEARCH, {"q": "任务中心"}, headers={"Accept-Language": "zh-Hans"}).context["count"] == 1


def test_only_pages_that_the_role_opens_are_found(client: Client) -> None:
    client.force_login(make_user(Role.READ_ONLY))
    assert found(client, "audit") == {} and found(client, "create") == {}
    client.force_login(make_user(Role.BACKUP_OPERATOR))
    assert found(client, "create") == {"page": ["Create Backup"]}


def test_users_are_found_by_those_who_manage_them(plain: Client, client: Client) -> None:
    make_user(Role.READ_ONLY, username="Eve")
    assert found(plain, "ev") == {"user": ["Eve"]}
    assert f'href="{reverse("users")}?q=Eve"' in plain.get(SEARCH, {"q": "ev"}).text
    client.force_login(make_user(Role.BACKUP_OPERATOR))
    assert found(client, "ev") == {}


def test_a_group_shows_a_few_results_backups_by_name_from_the_last(plain: Client) -> None:
    for number in range(LISTED + 3):
        make_backup(name=f"daily-{number:02}")
    assert found(plain, "daily")["backup"] == [f"daily-{number:02}" for number in range(10, 2, -1)]


@pytest.mark.parametrize("text", ["", "   ", "no such name", "%", "'", "é", "x" * 500, "\0"])
def test_other_text_finds_nothing(plain: Client, text: str) -> None:
    make_backup(name="daily")
    answer = plain.get(SEARCH, {"q": text})
    assert answer.status_code == 200 and answer.context["count"] == 0


def test_without_javascript_the_results_are_links_on_a_page(plain: Client) -> None:
    make_instance(name="orders")
    html = plain.get(SEARCH, {"q": "ord"}).text
    assert 'value="ord"' in html and "<h1" in html and 'role="option"' not in html and 'id="search-dialog"' not in html


def test_while_typing_the_results_are_options_of_a_list(plain: Client) -> None:
    make_instance(name="orders")
    html = plain.get(SEARCH, {"q": "ord"}, headers=HTMX).text
    assert 'role="listbox"' in html and 'role="option"' in html and "<h1" not in html


def test_the_number_of_queries_is_always_the_same(plain: Client, django_assert_num_queries: Any) -> None:
    make_instance(name="orders")
    for _ in range(2):
        with django_assert_num_queries(6):  # the session, its user, and one for each kind
            plain.get(SEARCH, {"q": "orders"}, headers=HTMX)
        for _number in range(20):
            make_backup(make_instance(name="orders-more"), name="orders-backup")


def test_wrong_methods_and_anonymous_users_are_rejected(plain: Client, client: Client) -> None:
    assert plain.post(SEARCH).status_code == 405
    assert client.get(SEARCH).status_code == 302
