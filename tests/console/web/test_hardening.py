"""Obvious attacks: session fixation, cookies over plain HTTP, and pages in a foreign frame."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from console.accounts.models import UserSession
from console.accounts.roles import Role
from console.accounts.sessions import SessionStore
from tests.console.web.test_fuzz import ADDRESSES, path_of, things
from tests.factories import make_user

__all__ = ["things"]
PASSWORD = "correct horse"
ROOT = Path(__file__).resolve().parents[3]


def sign_in(client: Client) -> None:
    answer = client.post("/sign-in/", {"username": "operator", "password": PASSWORD})
    assert answer.status_code == 302


@pytest.mark.django_db
def test_signing_in_replaces_a_session_that_an_attacker_may_know() -> None:
    make_user(username="operator")
    planted = SessionStore()
    planted["anything"] = 1
    planted.save()
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(planted.session_key)
    sign_in(client)
    assert client.session.session_key != planted.session_key
    assert not UserSession.objects.filter(pk=planted.session_key).exists()


@pytest.mark.django_db
def test_signing_in_and_changing_the_password_give_new_keys_and_signing_out_ends_the_session() -> None:
    make_user(username="operator")
    client = Client()
    client.get("/sign-in/")
    token_before = client.cookies[settings.CSRF_COOKIE_NAME].value
    sign_in(client)
    assert client.cookies[settings.CSRF_COOKIE_NAME].value != token_before
    key = str(client.session.session_key)
    new = "another horse entirely"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/account/password/", form).status_code == 302
    assert client.session.session_key != key
    stale = Client()
    stale.cookies[settings.SESSION_COOKIE_NAME] = key
    assert stale.get("/instances/").status_code == 302
    last = str(client.session.session_key)
    client.post("/sign-out/")
    stale.cookies[settings.SESSION_COOKIE_NAME] = last
    assert stale.get("/instances/").status_code == 302


_ASK = """
import django, json
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from django.test import Client
User.objects.create_superuser("operator", password="correct horse")
host = {"HTTP_HOST": "console.example.org"}
plain = Client().get("/sign-in/", **host)
client = Client()
page = client.get("/sign-in/", secure=True, **host)
form = {"username": "operator", "password": "correct horse"}
signed_in = client.post("/sign-in/", form, secure=True, HTTP_REFERER="https://console.example.org/sign-in/", **host)
client.get("/backups/?size=50", secure=True, **host)
client.post("/language/", {"language": "en"}, secure=True, HTTP_REFERER="https://console.example.org/", **host)
cookies = {name: dict(cookie) for name, cookie in client.cookies.items()}
wrong = Client().get("/sign-in/", secure=True, HTTP_HOST="elsewhere.example")
print(json.dumps({
    "plain": [plain.status_code, plain.get("Location")],
    "headers": dict(page.headers),
    "signed_in": signed_in.status_code,
    "cookies": cookies,
    "wrong_host": wrong.status_code,
}))
"""


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run a console with an https address in a separate process, whose settings say so, and return its responses."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("CONSOLE_", "DATABASE_"))},
        "CONSOLE_HOME": str(tmp_path_factory.mktemp("tls") / "home"),
        "CONSOLE_URL": "https://console.example.org",
        "CONSOLE_COOKIE_PREFIX": "orders",
        "CONSOLE_LOG_LEVEL": "CRITICAL",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    done = subprocess.run([sys.executable, "-c", _ASK], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_plain_http_is_redirected_and_an_unknown_host_is_rejected(over_tls: dict[str, Any]) -> None:
    assert over_tls["plain"] == [301, "https://console.example.org/sign-in/"]
    assert over_tls["wrong_host"] == 400


def test_over_tls_every_cookie_is_secure_and_hidden_from_scripts(over_tls: dict[str, Any]) -> None:
    assert over_tls["signed_in"] == 302
    for name, cookie in over_tls["cookies"].items():
        assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Lax", name


def test_over_tls_the_names_of_all_cookies_keep_other_hosts_and_programs_out(over_tls: dict[str, Any]) -> None:
    names = {f"__Host-orders-{name}" for name in ("session", "csrf", "language", "page-size")}
    assert set(over_tls["cookies"]) == names
    # Browsers reject a cookie of such a name with another path, or with a domain.
    assert {(cookie["path"], cookie["domain"]) for cookie in over_tls["cookies"].values()} == {("/", "")}


def test_each_console_has_its_own_names_of_cookies() -> None:
    prefix = f"console-{hashlib.sha256(b'cookies' + settings.SECRET_KEY.encode()).hexdigest()[:8]}-"
    kinds = ("SESSION", "CSRF", "LANGUAGE", "TIME_ZONE", "PAGE_SIZE")
    names = {getattr(settings, f"{kind}_COOKIE_NAME") for kind in kinds}
    assert len(names) == 5 and all(name.startswith(prefix) for name in names)


def test_a_message_for_the_next_page_needs_no_cookie_of_its_own(plain: Client) -> None:
    answer = plain.post("/account/sessions/end-others/")
    assert answer.status_code == 302 and set(answer.cookies) == {settings.SESSION_COOKIE_NAME}
    assert "0 sessions have ended." in plain.get("/account/sessions/").text


def test_over_tls_the_headers_disable_unneeded_features(over_tls: dict[str, Any]) -> None:
    headers = over_tls["headers"]
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy


def test_no_file_of_a_request_is_stored(db: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    answer = Client().post("/sign-in/", {"username": "a", "file": io.BytesIO(b"x" * 900_000)})
    assert answer.status_code == 200 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/sign-in/", "/instances/", "/audit/"])
def test_no_header_breaks_a_page(user: User, path: str) -> None:
    signed_in = Client()
    signed_in.force_login(user)
    for header in ("HX-Current-URL", "HX-Target", "HX-Trigger", "X-Forwarded-For", "Accept-Language", "Range"):
        for value in ("http://[", "a" * 5000, "\u2028", "bytes=9-1"):
            for client in (Client(), signed_in):
                answer = client.get(path, headers={"HX-Request": "true", header: value})
                assert answer.status_code < 500, (header, value)


@pytest.mark.parametrize("path", [{}, {"format": "csv"}], ids=["page", "export"])
def test_no_cache_stores_a_page_or_an_export(user: User, things: dict[str, str], path: dict[str, str]) -> None:
    client = Client()
    client.force_login(user)
    for name in ADDRESSES:
        if name != "sign-out":
            answer = client.get(path_of(name, things), path)
            assert "no-store" in answer.headers["Cache-Control"], name
    assert client.get("/missing/").headers["Cache-Control"] == "no-store"


def test_a_role_that_is_refused_leaves_no_traceback(db: None, caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    client.force_login(make_user(Role.READ_ONLY))
    assert client.get("/instances/create/").status_code == 403
    assert caplog.records and not any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("url", ["https://console.example.org/console", "https://console.example.org/?a=b"])
def test_an_address_with_a_path_is_refused_at_the_start(url: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "CONSOLE_URL": url,
        "CONSOLE_HOME": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "console.settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0 and "CONSOLE_URL must not have a path" in done.stderr
