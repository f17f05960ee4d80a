"""The limit on wrong passwords, when signing in and when changing the password."""

import time
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from console.accounts import throttle
from console.accounts.models import FailedAttempts
from console.audit.audited import SIGN_IN
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from tests.at_once import at_once
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
    assert "Too many failed attempts. Try again in 15 minutes." in html
    assert 'value="operator"' in html and 'value="/backups/"' in html
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    event = AuditEvent.objects.filter(trace=SIGN_IN).latest("id")
    assert event.reason == "Too many failed attempts."


def move_ends(**time: float) -> None:
    """Move the end of all locks to this much time from now."""
    FailedAttempts.objects.update(ends=timezone.now() + timedelta(**time))


def test_further_attempts_do_not_extend_the_time_to_wait(locked: Client) -> None:
    move_ends(seconds=30)
    for _ in range(3):
        assert "Try again in 1 minute." in sign_in(locked).content.decode()


@pytest.mark.parametrize("ends", [{"seconds": -1}, {"days": 365}], ids=["over", "set by a wrong clock"])
def test_signing_in_works_again_after_the_wait(locked: Client, ends: dict[str, float]) -> None:
    move_ends(**ends)
    assert sign_in(locked, "correct horse").status_code == 302


def test_an_administrator_lifts_the_lock_of_a_name(locked: Client) -> None:
    call_command("unlock", "another")
    assert sign_in(locked, "correct horse").status_code == 429
    call_command("unlock", "operator")
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


def test_an_attempt_without_a_password_neither_counts_nor_resets_the_count(client: Client) -> None:
    make_user(username="operator")
    for _ in range(4):
        sign_in(client)
        assert sign_in(client, "").status_code == 200
    assert sign_in(client).status_code == 429


@pytest.mark.parametrize("spread", ["192.0.2.1", "2001:db8::{}"], ids=["one address", "one IPv6 network"])
def test_an_address_is_locked_after_failures_with_many_names(client: Client, settings: Any, spread: str) -> None:
    settings.CONSOLE_SIGN_IN_ATTEMPTS_PER_ADDRESS = 7
    make_user(username="operator")
    statuses = [sign_in(client, username=f"name-{n}", address=spread.format(n)).status_code for n in range(8)]
    assert statuses == [200] * 6 + [429] * 2
    assert sign_in(client, "correct horse", address=spread.format(9)).status_code == 429
    assert sign_in(client, "correct horse", address="192.0.2.2").status_code == 302
    call_command("unlock")
    assert sign_in(client, "correct horse", address=spread.format(9)).status_code == 302


def test_signing_in_does_not_reset_the_failures_of_the_address(client: Client, settings: Any) -> None:
    settings.CONSOLE_SIGN_IN_ATTEMPTS_PER_ADDRESS = 4
    make_user(username="attacker")
    for name in ("one", "two", "three"):
        assert sign_in(client, username=name).status_code == 200
        assert sign_in(client, "correct horse", username="attacker").status_code == 302
        client.post("/sign-out/")
    assert sign_in(client, username="four").status_code == 429


# --- Simultaneous attempts -------------------------------------------------------------------------------


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Slow down password checks; return the list that collects the checked passwords."""
    checked: list[str] = []
    check = ModelBackend.authenticate

    def slowly(self: ModelBackend, request: Any, username: str = "", password: str = "", **kwargs: Any) -> Any:
        checked.append(password)
        # Let the other threads run.
        time.sleep(0.01)
        return check(self, request, username=username, password=password, **kwargs)

    monkeypatch.setattr(ModelBackend, "authenticate", slowly)
    return checked


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_one_process", [True, False])
def test_simultaneous_attempts_check_no_more_passwords_than_the_limit(
    checked: list[str], monkeypatch: pytest.MonkeyPatch, in_one_process: bool
) -> None:
    make_user(username="operator")
    if not in_one_process:
        monkeypatch.setattr(throttle, "_LOCKS", [nullcontext()])
    statuses = at_once(12, lambda _: sign_in(Client()).status_code)
    assert len(checked) == 5 and statuses.count(429) >= 7
    assert sign_in(Client(), "correct horse").status_code == 429
    assert FailedAttempts.objects.get(name="operator").failures == 5


@pytest.mark.django_db(transaction=True)
def test_simultaneous_attempts_with_the_correct_password_all_sign_in(checked: list[str]) -> None:
    make_user(username="operator")
    assert at_once(8, lambda _: sign_in(Client(), "correct horse").status_code) == [302] * 8
    assert {row.failures for row in FailedAttempts.objects.all()} == {0}


# --- The password change page ----------------------------------------------------------------------------


def change(client: Client, old: str) -> Any:
    fields = {"old_password": old, "new_password1": "battery staple 7", "new_password2": "battery staple 7"}
    return client.post("/account/password/", fields)


def test_wrong_current_passwords_are_audited_and_limited_as_sign_ins_are(plain: Client, user: User) -> None:
    assert [change(plain, WRONG).status_code for _ in range(5)] == [422] * 5
    answer = change(plain, "correct horse")
    assert answer.status_code == 422 and "Too many failed attempts. Try again in 15 minutes." in answer.text
    user.refresh_from_db()
    assert user.check_password("correct horse")
    # The address of this client is 127.0.0.1.
    assert sign_in(Client(), "correct horse", user.username, "127.0.0.1").status_code == 429
    events = AuditEvent.objects.filter(trace="consoleChangePassword").order_by("id")
    assert {(event.user, event.resource_name, event.outcome) for event in events} == {
        (user, user.username, Outcome.REFUSED)
    }
    assert [event.reason for event in events] == ["Wrong current password."] * 5 + ["Too many failed attempts."]


def test_the_throttle_adds_no_query_to_other_pages(plain: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(5):  # the session, its user, the work in progress, the agents and the bell
        plain.get("/account/password/")
