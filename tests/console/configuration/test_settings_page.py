"""The Settings page: the environment without secrets, the storage and hosts, versions and licences."""

import re
from datetime import timedelta
from email.message import Message
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from backups.services.probe_storage import probe_storage
from console import environment
from console.accounts.roles import Role
from console.configuration import about, given
from console.environment import BASE_DIR, SETTINGS, Setting
from instances import hosts
from instances.choices import JobKind, JobStatus
from instances.models import Host, Job
from tests.conftest import HTMX
from tests.factories import make_host, make_job, make_user

pytestmark = pytest.mark.django_db
SETTINGS_PAGE = reverse("settings")


def page(client: Client) -> str:
    return client.get(SETTINGS_PAGE).content.decode()


# --- The environment -----------------------------------------------------------------------------------


def test_every_setting_is_listed_with_its_meaning_and_its_section(plain: Client) -> None:
    html = page(plain)
    for setting in SETTINGS:
        assert f"<code>{setting.name}</code>" in html
    assert "<code>https://</code> turns on every TLS setting" in html
    assert "<code>backups/storage/README.md</code>" in html and "Keep archives in S3" in html


def test_every_section_exists_and_describes_its_setting() -> None:
    for setting in SETTINGS:
        document, heading = given.section_of(setting.name)
        text = (BASE_DIR / document).read_text()
        parts = re.split(r"(?m)^#+ (.+)$", text)
        sections = dict(zip(parts[1::2], parts[2::2], strict=True))
        assert re.search(rf"\b{setting.name}\b", sections[heading]), f"{setting.name}: {document}, {heading}"


def read(monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, **options: Any) -> given.Row:
    """Return the row of a setting that the environment sets to the value."""
    settings: list[Setting] = []
    monkeypatch.setattr(environment, "SETTINGS", settings)
    monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)
    environment.text(name, "the-default", "its `meaning`", **options)
    return given.rows(settings)[0]


def test_a_value_is_shown_if_it_is_set_and_else_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    row = read(monkeypatch, "CONSOLE_X", "something")
    assert (row.value, row.is_set, row.meaning) == ("something", True, "its <code>meaning</code>")
    row = read(monkeypatch, "CONSOLE_X", None)
    assert (row.value, row.is_set, row.default) == ("", False, "the-default")


def test_a_secret_is_only_said_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    row = read(monkeypatch, "CONSOLE_X", "hidden-value", secret=True)
    assert (row.value, row.is_set, row.is_secret) == ("", True, True) and "hidden-value" not in repr(row)
    assert not read(monkeypatch, "CONSOLE_X", None, secret=True).is_set


def test_the_password_in_a_url_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    row = read(monkeypatch, "CONSOLE_X", "https://me:pass@s3.example.org/x")
    assert row.value == "https://…@s3.example.org/x"


def test_everything_that_sounds_like_a_secret_is_one() -> None:
    named = [setting for setting in SETTINGS if re.search("PASSWORD|SECRET|TOKEN|KEY|DATABASE_URL", setting.name)]
    assert {setting.name for setting in named if not setting.is_secret} == {"CONSOLE_DB_TLS_KEY"}


def test_html_in_a_value_is_escaped(plain: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Setting("CONSOLE_URL", "<i>`a`", "<b>", is_secret=False, is_set=True, given="<script>")
    monkeypatch.setattr("console.configuration.given.SETTINGS", [odd])
    row = given.rows([odd])[0]
    assert (row.default, row.meaning) == ("&lt;i&gt;<code>a</code>", "&lt;b&gt;")


# --- Storage and hosts -----------------------------------------------------------------------------------


def test_hosts_are_listed_with_version_heartbeat_free_space_and_offline_mark(plain: Client) -> None:
    now = timezone.now()
    make_host("alpha", version="1.2.3", storage_free=5 * 1024**3, storage_checked=now)
    make_host("beta", seen=now - timedelta(hours=2), storage_failure="Permission denied", storage_checked=now)
    html = page(plain)
    for text in ("alpha", "1.2.3", "5.0\xa0GB", "Online", "Usable", "beta", "Offline", "Cannot be used"):
        assert text in html, text
    assert "Permission denied" in html
    # The test of the offline host is refused with the reason.
    assert 'id="test-alpha"' in html and reverse("storage-test", args=["beta"]) not in html
    assert "Host beta is offline" in html


def test_the_agent_writes_its_version() -> None:
    assert hosts.take("local", agent="one", before="", now=timezone.now(), version="9.8.7")
    assert Host.objects.get().version == "9.8.7"


def test_the_place_of_the_archives_is_the_folder_or_the_bucket(plain: Client, settings: Settings) -> None:
    assert str(settings.CONSOLE_BACKUPS_DIR) in page(plain)
    settings.CONSOLE_S3_BUCKET, settings.CONSOLE_S3_PREFIX = "my-backups", "console/"
    html = Client()
    html.force_login(make_user())
    assert "s3://my-backups/console/" in page(html)


def test_the_last_test_of_each_host_is_shown_and_polled_while_it_runs(plain: Client) -> None:
    host, other = make_host(), make_host("other")
    make_job(host=other, kind=JobKind.TEST_STORAGE, status=JobStatus.FAILED, failure="It broke.")
    assert "It broke." in page(plain) and "every 1s" not in page(plain)
    job = probe_storage(host=host, requested_by=None)
    html = page(plain)
    assert "every 1s" in html and "Queued" in html and "already running on this host" in html
    Job.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED)
    html = plain.get(SETTINGS_PAGE, headers=HTMX).content.decode()
    assert "Completed" in html and "every 1s" not in html and "<html" not in html and "CONSOLE_HOME" not in html


def test_one_host_and_ten_cost_the_same_queries(plain: Client, django_assert_num_queries: Any) -> None:
    for number in range(10):
        make_job(host=make_host(f"host-{number}"), kind=JobKind.TEST_STORAGE, status=JobStatus.COMPLETED)
        if number in {0, 9}:
            with django_assert_num_queries(7):  # session, user, work, hosts of the notices, the bell, hosts, tests
                plain.get(SETTINGS_PAGE)


def test_without_hosts_the_page_says_how_to_start_an_agent(plain: Client) -> None:
    assert "No agent has started yet." in page(plain)


# --- About -------------------------------------------------------------------------------------------------


def test_versions_and_licences_are_listed(plain: Client) -> None:
    html = page(plain)
    for text in ("Python", connection.display_name, "SecantusDB", "GPL-2.0", "waitress", "ZPL", "idiomorph", "0BSD"):
        assert text in html, text
    assert not [library.name for library in about.libraries() if not library.licence]
    assert "pytest" not in [library.name for library in about.libraries()]


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "MIT"), ("License", "other")], "MIT"),
        ([("License", "BSD")], "BSD"),
        ([("License", "x" * 99), ("Classifier", "License :: OSI Approved :: MIT License")], "MIT License"),
        ([("Classifier", "Topic :: Database")], ""),
    ],
)
def test_a_licence_is_read_from_the_best_source(fields: list[tuple[str, str]], licence: str) -> None:
    facts = Message()
    for name, value in fields:
        facts[name] = value
    assert about.licence_of(facts) == licence


# --- Access ------------------------------------------------------------------------------------------------


def test_only_full_access_has_the_page_and_its_link() -> None:
    for role in Role:
        client = Client()
        client.force_login(make_user(role))
        allowed = role is Role.FULL_ACCESS
        assert client.get(SETTINGS_PAGE).status_code == (200 if allowed else 403)
        assert (f'href="{SETTINGS_PAGE}"' in client.get("/instances/").content.decode()) is allowed


def test_wrong_methods_and_anonymous_users_are_rejected(plain: Client, client: Client) -> None:
    assert plain.post(SETTINGS_PAGE).status_code == 405
    assert client.get(SETTINGS_PAGE).status_code == 302
