"""Public pages, pages that require signing in, and the headers of every response."""

from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.urls import get_resolver, reverse

from tests.factories import make_instance, make_user

pytestmark = pytest.mark.django_db
OPEN = {"healthz", "language", "metrics", "readyz", "sign-in"}


def all_paths() -> list[str]:
    instance_id = "0" * 32 + "in02"
    paths = []
    for pattern in get_resolver().url_patterns:
        for entry in getattr(pattern, "url_patterns", [pattern]):
            if entry.name not in OPEN:
                path = str(entry.pattern).replace("<str:instance_id>", instance_id).replace("<int:user_id>", "1")
                paths.append("/" + path.replace("<uuid:task_id>", str(UUID(int=0))))
    return paths


@pytest.mark.parametrize("path", all_paths())
def test_every_other_page_redirects_to_sign_in(client: Client, path: str) -> None:
    for method in (client.get, client.post):
        answer = method(path)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(reverse("sign-in"))


def test_the_health_check_is_public_and_needs_no_query(client: Client, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_signing_in_leads_to_the_requested_page(client: Client) -> None:
    make_user(username="operator")
    data = {"username": "operator", "password": "correct horse", "next": "/backups/?type=Single"}
    answer = client.post("/sign-in/", data)
    assert answer.status_code == 302 and answer.headers["Location"] == "/backups/?type=Single"


def test_signing_in_never_leads_to_another_site(client: Client) -> None:
    make_user(username="operator")
    data = {"username": "operator", "password": "correct horse", "next": "https://example.org/"}
    assert client.post("/sign-in/", data).headers["Location"] == "/"


def test_a_wrong_password_is_reported_and_the_name_stays(client: Client) -> None:
    make_user(username="operator")
    html = client.post("/sign-in/", {"username": "operator", "password": "wrong"}).content.decode()
    assert "Sign in" in html and 'value="operator"' in html and "correct" in html


def test_signing_out_requires_a_post(plain: Client) -> None:
    assert plain.get("/sign-out/").status_code == 405
    assert plain.post("/sign-out/").status_code == 302
    assert plain.get("/instances/").status_code == 302


@pytest.mark.parametrize("path", ["/instances/", "/backups/", "/sign-in/", "/nothing-here/"])
def test_responses_have_a_strict_content_security_policy(client: Client, plain: Client, path: str) -> None:
    answer = (client if path == "/sign-in/" else plain).get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "unsafe" not in policy and "*" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        *("/instances/", "/instances/create/", "/backups/", "/backups/create/", "/sign-in/"),
        *("/audit/", "/users/", "/users/create/", "/settings/", "/account/sessions/", "/account/password/"),
    ],
)
def test_pages_have_no_inline_styles_or_scripts(client: Client, plain: Client, path: str) -> None:
    make_instance()
    html = (client if path == "/sign-in/" else plain).get(path).content.decode()
    assert " style=" not in html and "<style" not in html and " onclick=" not in html and " hx-on" not in html
    assert all(" src=" in tag.split(">")[0] for tag in html.split("<script")[1:])


def test_an_unknown_page_is_a_404_with_a_link_back(plain: Client) -> None:
    answer = plain.get("/nothing-here/")
    assert answer.status_code == 404
    assert 'href="/' in answer.content.decode()


@override_settings(SESSION_COOKIE_SECURE=True)
def test_scripts_cannot_read_cookies(client: Client) -> None:
    make_user(username="operator")
    answer = client.post("/sign-in/", {"username": "operator", "password": "correct horse"})
    cookie = answer.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["secure"]
