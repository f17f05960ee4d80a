"""The bell: what is new for whom, on pages and in the activity that open pages ask for."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from console.accounts.roles import Role
from console.notifications.bell import SHOWN, bell_of
from console.notifications.models import BellRead, Event
from tests.conftest import HTMX
from tests.console.notifications.channels import offline
from tests.factories import make_user

pytestmark = pytest.mark.django_db

READ = reverse("notifications:read")


def signed_in(user: object, **headers: str) -> Client:
    client = Client(headers=headers)
    client.force_login(user)  # type: ignore[arg-type]
    return client


def test_events_are_unread_until_all_are_marked_as_read() -> None:
    user, other = make_user(), make_user()
    for host in ("one", "two"):
        offline(host)
    assert bell_of(user).count == "2"
    newest = bell_of(user).newest
    offline("three")
    assert signed_in(user, **HTMX).post(READ, {"until": newest}).status_code == 204
    assert [(each.event.pk > newest, each.unread) for each in bell_of(user).events] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    assert bell_of(other).count == "3"


def test_what_happened_before_a_user_existed_is_not_news() -> None:
    offline()
    Event.objects.update(time=timezone.now() - timedelta(days=1))
    assert bell_of(make_user()).count == "" and len(bell_of(make_user()).events) == 1


@pytest.mark.parametrize("number", [0, 1, 50])
def test_a_bell_costs_one_query(number: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    user = make_user()
    for host in range(number):
        offline(str(host))
    with django_assert_num_queries(1):
        bell = bell_of(user)
    assert bell.count == {0: "", 1: "1", 50: f"{SHOWN}+"}[number]


def test_the_page_says_how_many_are_unread_and_links_to_each() -> None:
    client = signed_in(make_user(Role.READ_ONLY))
    offline(path="/instances/?q=one")
    page = client.get(reverse("instances:list")).content.decode()
    assert 'aria-label="What happened: 1 unread"' in page
    assert '<a href="/instances/?q=one">Host one is offline: its agent has stopped responding.</a>' in page
    assert "Mark all as read" in page
    client.post(READ, {"until": Event.objects.get().pk})
    page = client.get(reverse("instances:list")).content.decode()
    assert 'aria-label="What happened: nothing new"' in page and "Mark all as read" not in page


def test_an_open_page_gets_the_bell_with_its_activity() -> None:
    client = signed_in(make_user(), **HTMX)
    known = client.get(reverse("activity")).json()["version"]
    assert client.get(reverse("activity"), {"version": known}).status_code == 204
    offline()
    assert "1 unread" in client.get(reverse("activity"), {"version": known}).json()["bell"]


def test_without_javascript_the_page_comes_back() -> None:
    user = make_user()
    offline()
    answer = signed_in(user).post(READ, {"until": Event.objects.get().pk, "next": "/tasks/"})
    assert (answer.status_code, answer["Location"]) == (302, "/tasks/")
    assert signed_in(user).post(READ, {"until": "1", "next": "https://example.org/"})["Location"] == "/"
    assert bell_of(user).count == ""


@pytest.mark.parametrize("until", ["", "x", "-1", "9" * 40, "²"])
def test_a_wrong_place_marks_nothing(until: str) -> None:
    offline()
    signed_in(make_user()).post(READ, {"until": until})
    assert not BellRead.objects.exists()


def test_an_older_tab_marks_nothing_as_unread() -> None:
    user = make_user()
    offline("one")
    offline("two")
    client = signed_in(user)
    client.post(READ, {"until": bell_of(user).newest})
    client.post(READ, {"until": 1})
    assert bell_of(user).count == ""


def test_get_changes_nothing_and_a_stranger_has_no_bell() -> None:
    offline()
    assert signed_in(make_user()).get(READ).status_code == 405
    assert Client().post(READ, {"until": 1}).status_code == 302
    assert "bell-list" not in Client().get(reverse("sign-in")).content.decode()
