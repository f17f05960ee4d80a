"""The throttle of signing in."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone

from console.audit.audited import SIGN_IN
from console.audit.models import AuditEvent
from tests.factories import make_user

pytestmark = pytest.mark.django_db


WRONG = "wrong"


def sign_in(client: Client, password: str = WRONG, username: str = "operator", address: str = "192.0.2.1") -> Any:
    return client.post(
        "/sign-in/", {"username": username, "password": password, "next": "/backups/"}, REMOTE_ADDR=address
    )


@pytest.fixture
def locked(client: Client) -> Client:
    make_user(username="operator")
    assert [sign_in(client).status_code for _ in range(5)] == [200, 200, 200, 200, 429]
    return client


def test_after_five_failures_even_the_right_password_is_rejected_with_the_time_to_wait(locked: Client) -> None:
    answer = sign_in(locked, "correct horse")
    html = answer.content.decode()
    assert answer.status_code == 429
    assert "Too many failed attempts to sign in. Try again in 15 minutes." in html
    assert 'value="operator"' in html and 'value="/backups/"' in html
    assert "sessionid" not in answer.cookies
    event = AuditEvent.objects.filter(trace=SIGN_IN).latest("id")
    assert event.reason == "Too many failed attempts."


def test_further_attempts_do_not_extend_the_time_to_wait(locked: Client) -> None:
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14, seconds=30))
    for _ in range(3):
        assert "Try again in 1 minute." in sign_in(locked).content.decode()


def test_signing_in_works_again_after_the_wait(locked: Client) -> None:
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=1))
    assert sign_in(locked, "correct horse").status_code == 302


def test_other_addresses_and_other_users_are_not_locked_out(locked: Client) -> None:
    make_user(username="another")
    assert sign_in(Client(), "correct horse", address="192.0.2.2").status_code == 302
    assert sign_in(Client(), "correct horse", username="another").status_code == 302


def test_signing_in_resets_the_count_of_failures(client: Client) -> None:
    make_user(username="operator")
    for _ in range(3):
        assert [sign_in(client).status_code for _ in range(4)] == [200] * 4
        assert sign_in(client, "correct horse").status_code == 302
        client.post("/sign-out/")


def test_the_typed_password_is_not_stored(locked: Client) -> None:
    attempt = AccessAttempt.objects.get()
    assert "wrong" not in attempt.post_data


def test_the_throttle_adds_no_query_to_other_pages(plain: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):  # the session, its user, the work and the agents
        plain.get("/account/password/")
