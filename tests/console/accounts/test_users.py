"""Users: the list, the dialogs and their services, and the rule that an administrator remains."""

import csv
import io
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.accounts import services
from console.accounts.models import FailedAttempts, UserSession
from console.accounts.roles import Role, granted
from console.audit.audited import SIGN_IN
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.text.refused import Refused
from tests.at_once import at_once
from tests.conftest import HTMX
from tests.factories import make_user

pytestmark = pytest.mark.django_db
USERS = reverse("users")
PASSWORD = "battery staple 7"
NEW = {"name": "ann", "role": Role.BACKUP_OPERATOR.value, "password": PASSWORD, "confirmation": PASSWORD}
DIALOGS = ("role", "reset-password", "end-sessions", "deactivate", "activate")


def url(action: str, account: User) -> str:
    return reverse(f"user-{action}", args=[account.pk])


def signed_in(account: User, password: str = "") -> Client:
    browser = Client()
    browser.post("/sign-in/", {"username": account.username, "password": password or "correct horse"})
    return browser


def is_signed_in(browser: Client) -> bool:
    return browser.get("/account/sessions/").status_code == 200


def last_event() -> AuditEvent:
    return AuditEvent.objects.exclude(trace=SIGN_IN).latest("id")


def toast(answer: Any) -> str:
    return str(json.loads(answer.headers["HX-Trigger"])["toast"]["message"])


# --- The list ------------------------------------------------------------------------------------------


def test_the_list_shows_name_role_status_last_sign_in_and_sessions(plain: Client, user: User) -> None:
    eve = make_user(Role.READ_ONLY, username="eve")
    signed_in(eve)
    signed_in(eve)
    make_user(Role.BACKUP_OPERATOR, username="old", is_active=False)
    html = plain.get(USERS).content.decode()
    rows = {row.split('"')[0]: row for row in html.split('data-user-id="')[1:]}
    one = rows[str(eve.pk)]
    assert "eve" in one and "Read-only" in one and "Active" in one and ">2</td>" in one and "<time" in one
    old = rows[str(User.objects.get(username="old").pk)]
    assert "Backup operator" in old and "Inactive" in old and "Never" in old and ">0</td>" in old
    own = rows[str(user.pk)]
    assert "You" in own and "Full access" in own and "You cannot deactivate yourself." in own


def shown(client: Client, **query: str) -> list[str]:
    return [account.username for account in client.get(USERS, query).context["accounts"]]


def test_the_list_is_searched_filtered_and_sorted(user: User, plain: Client) -> None:
    User.objects.filter(pk=user.pk).update(username="zoe")
    for name, role in {"ann": Role.READ_ONLY, "Bob": Role.BACKUP_OPERATOR, "bea": Role.FULL_ACCESS}.items():
        make_user(role, username=name)
    make_user(Role.READ_ONLY, username="nobody").groups.clear()
    User.objects.filter(username="ann").update(is_active=False)
    signed_in(User.objects.get(username="bea"))
    assert shown(plain) == ["ann", "bea", "Bob", "nobody", "zoe"]
    assert shown(plain, sort="-name") == ["zoe", "nobody", "Bob", "bea", "ann"]
    assert shown(plain, sort="-sign_in")[0] == "bea"
    assert shown(plain, q="b") == ["bea", "Bob"]
    assert shown(plain, q="b_") == []
    assert shown(plain, role="Full access") == ["bea", "zoe"]
    assert shown(plain, role="Backup operator") == ["Bob"]
    assert shown(plain, role="none") == ["nobody"]
    assert shown(plain, status="inactive") == ["ann"]
    assert "No user matches." in plain.get(USERS, {"q": "nothing"}).content.decode()


def test_the_pages_show_every_user_once(plain: Client) -> None:
    for number in range(25):
        make_user(Role.READ_ONLY, username=f"reader-{number:02}")
    seen, next_page = [], f"{USERS}?size=10&sort=sign_in"
    while next_page:
        page = plain.get(next_page).context["page"]
        seen += [account.username for account in page.rows]
        next_page = page.next
    assert len(seen) == len(set(seen)) == 26


def test_one_row_and_fifty_cost_the_same_queries(plain: Client, django_assert_num_queries: Any) -> None:
    plain.get(USERS)
    with django_assert_num_queries(7):  # session, user, work, hosts, the bell, users, their groups
        plain.get(USERS, {"size": "50"})
    for number in range(50):
        make_user(Role.READ_ONLY, username=f"reader-{number:02}")
    with django_assert_num_queries(7):
        plain.get(USERS, {"size": "50"})


def test_the_export_has_the_columns_of_the_list(plain: Client) -> None:
    signed_in(make_user(Role.READ_ONLY, username="eve"))
    answer = plain.get(USERS, {"format": "csv", "q": "eve"})
    assert isinstance(answer, StreamingHttpResponse)
    text = answer.getvalue().decode("utf-8-sig")
    head, row = csv.reader(io.StringIO(text))
    assert head == ["User Name", "Role", "Status", "Last Sign-in", "Sessions"]
    assert row[:3] == ["eve", "Read-only", "Active"] and row[4] == "1"
    assert row[3].startswith(f"{timezone.now():%Y-%m-}")


def test_only_full_access_has_the_page_and_its_link() -> None:
    for role in Role:
        browser = signed_in(make_user(role))
        allowed = role is Role.FULL_ACCESS
        assert browser.get(USERS).status_code == (200 if allowed else 403)
        assert (f'href="{USERS}"' in browser.get("/instances/").content.decode()) is allowed


# --- Create User ---------------------------------------------------------------------------------------


def test_a_created_user_can_sign_in_with_the_role(htmx: Client, user: User) -> None:
    answer = htmx.post(reverse("user-create"), NEW)
    assert answer.status_code == 204 and toast(answer) == "User ann has been created."
    ann = User.objects.get(username="ann")
    assert granted(ann) == [Role.BACKUP_OPERATOR] and is_signed_in(signed_in(ann, PASSWORD))
    event = last_event()
    assert (event.trace, event.user, event.resource_name) == ("consoleCreateUser", user, "ann")


@pytest.mark.parametrize(
    ("fields", "wrong", "message"),
    [
        ({"name": ""}, "name", "Fill in this field."),
        ({"name": " ann"}, "name", "Start the name with a letter or a digit."),
        ({"name": "ann smith"}, "name", "Use only letters"),
        ({"name": "a\n"}, "name", "Use only letters"),
        ({"name": "änn"}, "name", "Start the name"),
        ({"name": "a" * 65}, "name", "Use at most 64 characters (it has 65)."),
        ({"name": "EVE"}, "name", "Another user has this name."),
        ({"role": "Superuser"}, "role", "Choose one of the roles in the list."),
        ({"password": "", "confirmation": ""}, "password", "Fill in this field."),
        ({"password": "short7", "confirmation": "short7"}, "password", "too short"),
        ({"password": "annabella", "confirmation": "annabella", "name": "annabell"}, "password", "too similar"),
        ({"password": "password1", "confirmation": "password1"}, "password", "too common"),
        ({"confirmation": "something else"}, "confirmation", "The two passwords differ."),
    ],
    ids=str,
)
def test_an_invalid_field_is_reported_beside_it(htmx: Client, fields: dict[str, str], wrong: str, message: str) -> None:
    make_user(Role.READ_ONLY, username="eve")
    count = User.objects.count()
    answer = htmx.post(reverse("user-create"), NEW | fields)
    assert answer.status_code == 422 and User.objects.count() == count
    assert any(message in error for error in answer.context["form"].errors[wrong]), answer.context["form"].errors
    assert PASSWORD not in answer.content.decode()


def test_a_generated_password_is_shown_once_and_satisfies_the_rule(htmx: Client) -> None:
    answer = htmx.post(reverse("user-create"), {"name": "ann", "role": Role.READ_ONLY.value, "generate": "1"})
    password = answer.context["form"].shown_password
    html = answer.content.decode()
    assert answer.status_code == 200 and password in html and 'value="ann"' in html
    made = NEW | {"password": password, "confirmation": password, "generated": password}
    assert htmx.post(reverse("user-create"), made).status_code == 204
    assert User.objects.get(username="ann").check_password(password)


def test_without_javascript_the_dialog_is_a_page(plain: Client) -> None:
    assert "<h1" in plain.get(reverse("user-create")).content.decode()
    answer = plain.post(reverse("user-create"), NEW, follow=True)
    assert answer.redirect_chain == [(USERS, 302)] and "User ann has been created." in answer.content.decode()


# --- Change Role ---------------------------------------------------------------------------------------


def test_a_changed_role_replaces_the_old_one(htmx: Client) -> None:
    eve = make_user(Role.READ_ONLY, username="eve")
    answer = htmx.post(url("role", eve), {"role": Role.FULL_ACCESS.value, "opened_with": ""})
    assert answer.status_code == 204 and toast(answer) == "eve now has the role Full access."
    assert granted(User.objects.get(pk=eve.pk)) == [Role.FULL_ACCESS]
    assert last_event().trace == "consoleSetRole" and "Role: Read-only → Full access" in last_event().details


def test_a_superuser_with_another_role_is_none_any_more(htmx: Client) -> None:
    other = make_user()
    assert htmx.post(url("role", other), {"role": Role.READ_ONLY.value, "opened_with": ""}).status_code == 204
    assert granted(User.objects.get(pk=other.pk)) == [Role.READ_ONLY]


def test_a_role_changed_meanwhile_is_reported(htmx: Client) -> None:
    eve = make_user(Role.READ_ONLY)
    opened = htmx.get(url("role", eve)).context["form"]["opened_with"].value()
    services.set_role(account=eve, role=Role.BACKUP_OPERATOR, requested_by=None)
    answer = htmx.post(url("role", eve), {"role": Role.FULL_ACCESS.value, "opened_with": opened_value(opened)})
    assert answer.status_code == 422 and "was changed after you opened" in answer.content.decode()


def opened_value(values: Any) -> str:
    from console.web.forms import OpenedWithField

    return str(OpenedWithField().prepare_value(values))


# --- Deactivate, activate, reset the password, end sessions ----------------------------------------------


def test_a_deactivated_user_is_signed_out_and_cannot_sign_in_until_activated(htmx: Client, user: User) -> None:
    eve = make_user(Role.READ_ONLY, username="eve")
    browser = signed_in(eve)
    assert toast(htmx.post(url("deactivate", eve))) == "User eve is inactive."
    assert not is_signed_in(browser) and not UserSession.objects.filter(user=eve).exists()
    assert not is_signed_in(signed_in(eve))
    assert (last_event().trace, last_event().resource_name, last_event().user) == ("consoleDeactivateUser", "eve", user)
    assert htmx.post(url("deactivate", eve)).status_code == 422
    assert toast(htmx.post(url("activate", eve))) == "User eve is active."
    assert is_signed_in(signed_in(eve)) and htmx.post(url("activate", eve)).status_code == 422


def test_a_reset_password_ends_the_sessions_and_lifts_the_lock(htmx: Client) -> None:
    eve = make_user(Role.READ_ONLY, username="eve")
    browser = signed_in(eve)
    FailedAttempts.objects.create(name="eve", failures=5, ends=timezone.now() + timedelta(minutes=9))
    answer = htmx.post(url("reset-password", eve), {"password": PASSWORD, "confirmation": PASSWORD})
    assert answer.status_code == 204 and toast(answer) == "eve has a new password."
    assert not is_signed_in(browser) and is_signed_in(signed_in(eve, PASSWORD))
    assert not FailedAttempts.objects.filter(name="eve", failures__gt=0).exists()
    assert last_event().trace == "consoleResetUserPassword"


def test_a_password_like_the_users_name_is_rejected(htmx: Client) -> None:
    eve = make_user(Role.READ_ONLY, username="evelyn-smith")
    answer = htmx.post(url("reset-password", eve), {"password": "evelyn-smith1", "confirmation": "evelyn-smith1"})
    assert answer.status_code == 422 and "too similar" in answer.content.decode()


def test_ended_sessions_are_of_that_user_only(htmx: Client) -> None:
    eve, other = make_user(Role.READ_ONLY, username="eve"), make_user(Role.READ_ONLY)
    browsers = signed_in(eve), signed_in(eve), signed_in(other)
    assert toast(htmx.post(url("end-sessions", eve))) == "User eve is signed out everywhere."
    assert [is_signed_in(browser) for browser in browsers] == [False, False, True]
    again = htmx.post(url("end-sessions", eve))
    assert again.status_code == 422 and "This user is not signed in anywhere." in again.content.decode()


def test_administrators_cannot_do_to_themselves_what_has_a_page_of_its_own(htmx: Client, user: User) -> None:
    make_user(Role.FULL_ACCESS)
    for action in ("deactivate", "end-sessions"):
        assert 'role="alert"' in htmx.get(url(action, user)).content.decode()
        assert htmx.post(url(action, user)).status_code == 422, action
    fields = {"password": PASSWORD, "confirmation": PASSWORD}
    assert htmx.post(url("reset-password", user), fields).status_code == 422
    user.refresh_from_db()
    assert user.is_active and user.check_password("correct horse")
    assert last_event().outcome == Outcome.REFUSED


def test_no_password_is_in_the_audit_the_log_or_an_address(htmx: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    eve = make_user(Role.READ_ONLY, username="eve")
    for fields in ({"confirmation": "another one 7"}, {"password": "short", "confirmation": "short"}, {}):
        htmx.post(reverse("user-create"), NEW | fields)
        answer = htmx.post(url("reset-password", eve), {"password": PASSWORD, "confirmation": PASSWORD} | fields)
        assert PASSWORD not in str(answer.headers)
    for event in AuditEvent.objects.all():
        assert PASSWORD not in str(vars(event)) and "short" not in event.reason
    assert PASSWORD not in caplog.text


def test_unknown_users_wrong_methods_and_anonymous_users_are_rejected(htmx: Client, client: Client) -> None:
    eve = make_user(Role.READ_ONLY)
    for action in DIALOGS:
        assert htmx.get(url(action, eve)).status_code == 200, action
        assert htmx.get(url(action, eve).replace(f"/{eve.pk}/", "/99999999999999999999/")).status_code == 404
        assert htmx.put(url(action, eve)).status_code == 405
        assert client.post(url(action, eve)).status_code == 302
    assert htmx.post(USERS).status_code == 405


# --- An administrator remains ----------------------------------------------------------------------------


@pytest.fixture
def last() -> User:
    """The last active administrator. Two others are inactive."""
    make_user(is_active=False)
    make_user(Role.FULL_ACCESS, is_active=False)
    make_user(Role.BACKUP_OPERATOR)
    return make_user(Role.FULL_ACCESS, username="last")


def test_the_last_administrator_is_neither_deactivated_nor_demoted(last: User) -> None:
    with pytest.raises(Refused, match="last active user with the Full access role"):
        services.deactivate_user(account=last, requested_by=None)
    with pytest.raises(Refused, match="last active user with the Full access role"):
        services.set_role(account=last, role=Role.READ_ONLY, requested_by=None)
    with pytest.raises(CommandError, match="last active user"):
        call_command("user", "last", role="read-only")
    fresh = User.objects.get(pk=last.pk)
    assert fresh.is_active and granted(fresh) == [Role.FULL_ACCESS]
    services.set_role(account=last, role=Role.FULL_ACCESS, requested_by=None)


def test_the_dialog_says_why_the_last_administrator_keeps_the_role(last: User) -> None:
    browser = Client(headers=HTMX)
    browser.force_login(last)
    answer = browser.post(url("role", last), {"role": Role.READ_ONLY.value, "opened_with": ""})
    assert answer.status_code == 422 and "Give that role to another active user first." in answer.content.decode()


def deactivate(other: User, by: User) -> None:
    services.deactivate_user(account=other, requested_by=by)


def demote(other: User, by: User) -> None:
    services.set_role(account=other, role=Role.READ_ONLY, requested_by=by)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "actions",
    [(deactivate, deactivate), (demote, demote), (deactivate, demote)],
    ids=["deactivate", "demote", "either"],
)
def test_two_administrators_cannot_remove_each_other_at_the_same_instant(
    actions: tuple[Callable[[User, User], None], ...],
) -> None:
    both = make_user(Role.FULL_ACCESS), make_user()
    for account in both:
        # As in a request, the role was checked before the other's transaction ended.
        assert granted(account) == [Role.FULL_ACCESS] and account.is_active

    def remove_the_other(number: int) -> bool:
        try:
            actions[number](both[1 - number], both[number])
        except Refused:
            return False
        return True

    assert sorted(at_once(2, remove_the_other)) == [False, True]
    assert sum(granted(each) == [Role.FULL_ACCESS] for each in User.objects.filter(is_active=True)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_users_created_at_the_same_instant_have_different_names() -> None:
    def create(number: int) -> bool:
        try:
            name = ("ann", "ANN")[number]
            services.create_user(name=name, password=PASSWORD, role=Role.READ_ONLY, requested_by=None)
        except Refused:
            return False
        return True

    assert sorted(at_once(2, create)) == [False, True]
