"""The user's own sessions, and how a new password ends them."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.accounts.models import UserSession, describe_user_agent
from console.audit.audited import SIGN_IN
from console.audit.models import AuditEvent
from tests.factories import make_user

pytestmark = pytest.mark.django_db
SESSIONS = reverse("sessions")
PASSWORD = reverse("password-change")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in(user: User, address: str = "192.0.2.1", agent: str = FIREFOX) -> Client:
    client = Client(REMOTE_ADDR=address, headers={"User-Agent": agent})
    client.post("/sign-in/", {"username": user.username, "password": "correct horse"})
    return client


def is_signed_in(client: Client) -> bool:
    return client.get(SESSIONS).status_code == 200


def end(client: Client, session: UserSession) -> Any:
    return client.post(reverse("session-end", args=[session.public_id]))


def test_the_page_shows_where_the_user_is_signed_in(user: User) -> None:
    here = signed_in(user)
    signed_in(user, "203.0.113.9", "curl/8.5.0")
    signed_in(make_user(), "198.51.100.7")
    html = here.get(SESSIONS).content.decode()
    for text in ("Firefox · Linux", "192.0.2.1", "curl", "203.0.113.9"):
        assert text in html, text
    assert html.count("This session") == 1 and "198.51.100.7" not in html
    assert not any(session.session_key in html for session in UserSession.objects.all())


def test_ending_a_session_signs_out_only_that_session(user: User) -> None:
    here, there, third = (signed_in(user, f"192.0.2.{number}") for number in (1, 2, 3))
    answer = end(here, UserSession.objects.get(address="192.0.2.2"))
    assert answer.status_code == 302
    assert [is_signed_in(client) for client in (here, there, third)] == [True, False, True]
    assert AuditEvent.objects.latest("id").trace == "consoleEndSession"


def test_ending_all_other_sessions_keeps_this_one_and_those_of_other_users(user: User) -> None:
    here, there, third, others = signed_in(user), signed_in(user), signed_in(user), signed_in(make_user())
    assert "2 sessions have ended." in here.post(reverse("sessions-end-others"), follow=True).content.decode()
    assert [is_signed_in(client) for client in (here, there, third, others)] == [True, False, False, True]
    assert AuditEvent.objects.latest("id").trace == "consoleEndOtherSessions"


def test_a_user_cannot_end_the_session_of_another_user(user: User) -> None:
    other = signed_in(make_user(), "203.0.113.9")
    assert end(signed_in(user), UserSession.objects.get(address="203.0.113.9")).status_code == 404
    assert is_signed_in(other)


def test_unknown_ids_wrong_methods_and_anonymous_users_are_rejected(plain: Client, client: Client) -> None:
    one, others = reverse("session-end", args=["0" * 32]), reverse("sessions-end-others")
    assert plain.post(one).status_code == 404
    assert plain.get(one).status_code == plain.get(others).status_code == plain.post(SESSIONS).status_code == 405
    for url in (SESSIONS, one, others, PASSWORD):
        assert client.get(url).status_code == client.post(url).status_code == 302


def test_a_request_updates_the_session_at_most_every_five_minutes(user: User, django_assert_num_queries: Any) -> None:
    client = signed_in(user)
    first = UserSession.objects.get()
    with django_assert_num_queries(5):  # the session, its user, the work, the agents and the bell
        client.get("/account/password/")
    early = timezone.now() - timedelta(minutes=6)
    UserSession.objects.update(seen=early)
    client.get("/account/password/")
    later = UserSession.objects.get()
    assert timezone.now() - later.seen < timedelta(minutes=1)
    assert later.created == first.created


def test_saving_a_session_again_keeps_its_start_time(user: User) -> None:
    client = signed_in(user)
    old = timezone.now() - timedelta(days=3)
    UserSession.objects.update(created=old)
    session = client.session
    session["note"] = "changed"
    session.save()
    kept = UserSession.objects.get()
    assert (kept.created, kept.user) == (old, user)


def test_an_expired_session_is_not_listed_and_is_eventually_deleted(user: User) -> None:
    signed_in(user, "203.0.113.9")
    UserSession.objects.update(expire_date=timezone.now() - timedelta(days=1))
    assert "203.0.113.9" not in signed_in(user).get(SESSIONS).content.decode()
    assert UserSession.objects.count() == 1


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        (FIREFOX, "Firefox · Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_5) Version/18.5 Safari/605.1.15", "Safari · macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1", "Safari · iOS"),
        ("curl/8.5.0", "curl"),
        ("", ""),
    ],
)
def test_browsers_and_systems_are_recognized(agent: str, shown: str) -> None:
    assert describe_user_agent(agent) == shown


# --- Change password -----------------------------------------------------------------------------------

NEW = "battery staple 7"


def change(client: Client, **fields: str) -> Any:
    data = {"old_password": "correct horse", "new_password1": NEW, "new_password2": NEW} | fields
    return client.post(PASSWORD, data)


def test_changing_the_password_ends_all_other_sessions(user: User) -> None:
    here, there, others = signed_in(user), signed_in(user), signed_in(make_user())
    assert change(here).status_code == 302
    # The ended sessions are deleted, not only unusable, so that the page does not list them.
    assert UserSession.objects.filter(user=user).count() == 1
    assert [is_signed_in(client) for client in (here, there, others)] == [True, False, True]
    user.refresh_from_db()
    assert user.check_password(NEW)
    event = AuditEvent.objects.exclude(trace=SIGN_IN).get()
    assert (event.trace, event.user, event.resource_name) == ("consoleChangePassword", user, user.username)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"old_password": "wrong"}, "old_password"),
        ({"old_password": ""}, "old_password"),
        ({"new_password1": "", "new_password2": ""}, "new_password1"),
        ({"new_password2": "another one 7"}, "new_password2"),
        ({"new_password1": "short", "new_password2": "short"}, "new_password2"),
    ],
)
def test_an_error_is_shown_beside_its_field_and_nothing_changes(user: User, fields: dict[str, str], wrong: str) -> None:
    client = signed_in(user)
    there = signed_in(user)
    answer = change(client, **fields)
    assert answer.status_code == 422
    assert wrong in answer.context["form"].errors and f'id="id_{wrong}_error"' in answer.content.decode()
    user.refresh_from_db()
    assert user.check_password("correct horse") and is_signed_in(there)
