"""A session that ends while a form is filled in: pages with the script, and pages without it."""

import json
from html import unescape
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backups.models import Backup
from console.accounts.models import FailedAttempts, UserSession
from console.web.kept import Kept
from instances.models import Instance
from tests.factories import make_backup, make_instance, make_user

pytestmark = pytest.mark.django_db
SIGN_IN = reverse("sign-in")
HTMX = {"HX-Request": "true"}
PASSWORD = "correct horse"
ORIGIN = {"Origin": "http://testserver"}


@pytest.fixture
def someone() -> User:
    user = make_user(username="ann")
    user.set_password(PASSWORD)
    user.save()
    return user


def end_sessions() -> None:
    UserSession.objects.all().delete()


def token_in(html: str) -> str:
    return html.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]


def hidden_in(html: str) -> dict[str, str]:
    """Return the hidden fields of the page's form that leads back."""
    form = html.split("Back to the form")[0].rsplit("<form", 1)[1]
    fields = [part.split('"') for part in form.split('<input type="hidden" name="')[1:]]
    return {each[0]: unescape(each[2]) for each in fields}


# --- With the script -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_script_learns_that_the_session_has_ended(client: Client, method: str) -> None:
    answer = getattr(client, method)(reverse("backups:create"), headers=HTMX)
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("ending", ["deleted", "deactivated", "password"])
def test_every_way_to_end_a_session_is_answered_alike(client: Client, someone: User, ending: str) -> None:
    client.force_login(someone)
    assert client.get("/instances/", headers=HTMX).status_code == 200
    if ending == "deleted":
        end_sessions()
    elif ending == "deactivated":
        User.objects.filter(pk=someone.pk).update(is_active=False)
    else:
        someone.set_password("battery staple 7")
        someone.save()
    assert client.get("/instances/", headers=HTMX).status_code == 401


def test_signing_in_over_the_page_gives_its_forms_the_token_of_the_new_session(someone: User) -> None:
    client = Client(enforce_csrf_checks=True, headers=HTMX)
    form = client.get(SIGN_IN)
    assert "<html" not in form.text and 'id="sign-in-username"' in form.text
    sent = {"username": "ann", "password": PASSWORD, "csrfmiddlewaretoken": token_in(form.text)}
    answer = client.post(SIGN_IN, sent)
    assert answer.status_code == 204
    event = json.loads(answer.headers["HX-Trigger"])["signed-in"]
    assert event["user"] == str(someone.pk)
    url = reverse("backups:create-for-instance", args=[make_instance().id])
    data = {"name": "abcd", "request_key": "0" * 32}
    # The page's old token no longer works; the answer says so, and has the new token.
    refused = client.post(url, data | {"csrfmiddlewaretoken": sent["csrfmiddlewaretoken"]})
    assert refused.status_code == 403 and "Press the button again." in refused.text
    assert json.loads(refused.headers["HX-Trigger"])["signed-in"]["user"] == str(someone.pk)
    assert client.post(url, data | {"csrfmiddlewaretoken": event["token"]}).status_code == 204


def test_wrong_passwords_over_the_page_are_counted(someone: User) -> None:
    client = Client(headers=HTMX)
    answer = client.post(SIGN_IN, {"username": "ann", "password": "wrong"})
    assert answer.status_code == 422 and "<html" not in answer.text
    assert FailedAttempts.objects.get(name="ann").failures == 1
    for _ in range(settings.CONSOLE_SIGN_IN_ATTEMPTS):
        answer = client.post(SIGN_IN, {"username": "ann", "password": "wrong"})
    assert answer.status_code == 429 and "Too many failed attempts." in answer.text


def test_who_has_signed_in_in_another_tab_is_not_asked_again(client: Client, someone: User) -> None:
    client.force_login(someone)
    answer = client.get(SIGN_IN, headers=HTMX)
    assert answer.status_code == 204 and json.loads(answer.headers["HX-Trigger"])["signed-in"]


# --- Without the script --------------------------------------------------------------------------


def sign_in(client: Client, page: HttpResponse | Any) -> str:
    """Sign in on the page that carries a form, and return the page that follows."""
    kept = unescape(page.text.split('name="kept" value="')[1].split('"')[0])
    answer = client.post(SIGN_IN, {"username": "ann", "password": PASSWORD, "kept": kept, "next": "/"})
    assert answer.status_code == 200
    return str(answer.text)


def test_what_was_typed_is_in_the_form_again_after_the_sign_in(client: Client, someone: User) -> None:
    url = reverse("backups:create-for-instance", args=[make_instance().id])
    typed = {"name": "nightly <1>", "description": "Before & after", "request_key": "0" * 32}
    page = client.post(url, typed)
    assert page.status_code == 401 and "the form keeps what you typed" in page.text
    back = hidden_in(sign_in(client, page))
    assert back["name"] == "nightly <1>"
    shown = client.post(url, back)
    assert shown.status_code == 200
    html = unescape(shown.text)
    assert 'value="nightly <1>"' in html and "Before & after</textarea>" in html and "Use only letters" in html
    assert not Backup.objects.exists()
    assert client.post(url, typed | {"name": "nightly-1", "description": ""}).status_code == 302
    assert Backup.objects.get().name == "nightly-1"


def test_a_form_that_is_shown_again_does_nothing_even_if_it_is_right(client: Client, someone: User) -> None:
    instance = make_instance(name="orders")
    for url, data in {
        reverse("backups:create-for-instance", args=[instance.id]): {"name": "abcd", "request_key": "0" * 32},
        reverse("instances:restart", args=[instance.id]): {"anything": "1"},
        reverse("instances:rename", args=[instance.id]): {"name": "other"},
    }.items():
        client.logout()
        assert client.post(url, hidden_in(sign_in(client, client.post(url, data)))).status_code == 200
    assert not Backup.objects.exists()
    assert Instance.objects.get().name == "orders" and Instance.objects.get().action == ""


def test_passwords_are_not_sent_back(client: Client, someone: User) -> None:
    secret = "Aa1!aaaa"
    data = {"name": "orders", "password": secret, "confirmation": secret, "generated": secret}
    page = client.post(reverse("instances:create"), data)
    assert page.status_code == 401 and secret not in page.text
    shown = client.post(reverse("instances:create"), hidden_in(sign_in(client, page)))
    assert 'value="orders"' in shown.text and secret not in shown.text


@pytest.mark.parametrize(
    ("field", "typed", "shown"),
    [
        ("address", "mongodb://reader:/hun@ter/2@db/", "mongodb://reader@db/"),
        ("address", "reader:/hun@ter/2@db", "reader@db"),
        ("address", "mongosh 'mongodb://db/' -u reader -p hunter2", "mongodb://db/"),
        ("user", "reader:/hun@ter/2", "reader"),
        ("user", "mongodb://reader:/hun@ter/2@db/", "mongodb://reader@db/"),
        ("auth_source", " mongodb://reader:/hun@ter/2@db/", " mongodb://reader@db/"),
        ("name", "my mongodb://reader:/hun@ter/2@db/", "my mongodb://reader@db/"),
        ("ca", "-----BEGIN PRIVATE KEY-----\nhunter2", ""),
        ("opened_with", '["mongodb://db1:27017/", "mail@example.org"]', '["mongodb://db1:27017/", "mail@example.org"]'),
    ],
)
def test_passwords_in_other_fields_are_not_sent_back_either(
    client: Client, someone: User, field: str, typed: str, shown: str
) -> None:
    page = client.post(reverse("instances:add-existing"), {"reads_from": "primary", field: typed})
    assert page.status_code == 401 and not any(part in page.text for part in ("hun", "ter/2"))
    assert hidden_in(sign_in(client, page))[field] == shown


def test_the_url_of_a_channel_is_not_sent_back(client: Client, someone: User) -> None:
    data = {"name": "on-call", "url": "slack://TokenA/TokenB/TokenC"}
    page = client.post(reverse("notifications:create"), data)
    assert page.status_code == 401 and "Token" not in page.text
    assert hidden_in(sign_in(client, page))["name"] == "on-call"


@pytest.mark.parametrize("data", [{}, {"password": "Aa1!aaaa"}, {"description": "x" * 30_000}])
def test_without_anything_to_carry_the_sign_in_page_follows(client: Client, data: dict[str, str]) -> None:
    answer = client.post(reverse("instances:create"), data)
    assert answer.status_code == 302 and answer.headers["Location"].startswith(SIGN_IN)


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "[1]", '["/a"]', '["//elsewhere.example/", []]', '["https://elsewhere.example/", []]', "{}"]
)
def test_only_what_the_console_carried_leads_back(client: Client, someone: User, text: str) -> None:
    assert Kept.parse(text) is None
    answer = client.post(SIGN_IN, {"username": "ann", "password": PASSWORD, "kept": text})
    assert answer.status_code == 302


def test_a_form_with_the_token_of_an_earlier_session_is_kept_too(someone: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(someone)
    url = reverse("backups:create-for-instance", args=[make_instance().id])
    client.get(url)
    answer = client.post(url, {"name": "typed", "csrfmiddlewaretoken": "x"}, headers=ORIGIN)
    assert answer.status_code == 403 and hidden_in(answer.text)["name"] == "typed"
    shown = client.post(url, hidden_in(answer.text) | {"csrfmiddlewaretoken": token_in(answer.text)}, headers=ORIGIN)
    assert shown.status_code == 200 and 'value="typed"' in shown.text


def test_a_form_of_another_site_is_not_kept(client: Client) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(reverse("instances:create"), {"name": "evil"}, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403 and "evil" not in answer.text


def test_a_selection_is_asked_about_again_after_the_sign_in(client: Client, someone: User) -> None:
    url, ids = reverse("backups:delete-selected"), [make_backup().id, make_backup().id]
    page = client.post(url, {"id": ids})
    back = {"shown-again": "1", "id": ids}
    assert all(f'name="id" value="{each}"' in sign_in(client, page) for each in ids)
    shown = client.post(url, back)
    assert shown.status_code == 200 and all(f'value="{each}"' in shown.text for each in ids)
    assert Backup.objects.shown().count() == 2
