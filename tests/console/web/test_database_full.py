"""If the console database is full or locked, users see a sentence that says so and what to do."""

import contextlib
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test import Client

from console.text.errors import explain_database
from instances.models import Instance
from tests.factories import PASSWORD_FIELDS, make_host, make_user

sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="a limit of SQLite's")


@pytest.fixture
def full() -> Iterator[None]:
    """Limit the size of the database, so that SQLite itself reports a full disk."""
    with connection.cursor() as cursor:
        [pages] = cursor.execute("PRAGMA page_count").fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        yield
        cursor.execute("PRAGMA max_page_count = 4294967294")


@pytest.fixture
def client() -> Client:
    client = Client(raise_request_exception=False)
    make_host()
    client.force_login(make_user())
    return client


def create_until_it_fails(client: Client, **headers: str) -> tuple[int, str, str]:
    """Create instances until a request fails; return the status, text and Retry-After header of that response."""
    for number in range(500):
        sent = {"name": f"made-{number}", "type": "Single", "request_key": str(uuid.uuid4()), **PASSWORD_FIELDS}
        answer = client.post("/instances/create/", sent, headers=headers)
        if answer.status_code >= 400:
            return answer.status_code, answer.content.decode(), answer.get("Retry-After", "")
    raise AssertionError("There was always room.")


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_a_page_reports_a_full_disk_and_nothing_is_half_done(client: Client, full: None) -> None:
    status, text, retry_after = create_until_it_fails(client)
    assert (status, retry_after) == (503, "5")
    assert "The disk of the console database is full. Make room on it." in text
    assert "<html" in text
    assert Instance.objects.filter(jobs__isnull=True).count() == 0


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_a_dialog_gets_only_the_sentence(client: Client, full: None) -> None:
    status, text, _ = create_until_it_fails(client, hx_request="true")
    assert status == 503
    assert text.strip().startswith(
        "The disk of the console database is full. Make room on it. Nothing has been changed"
    )


def as_django_raises(error: Exception) -> DatabaseError:
    """Wrap the driver's error like Django does, whichever database the tests use."""
    raised = OperationalError(*error.args)
    raised.__cause__ = error
    return raised


def test_a_full_disk_of_postgresql_is_explained() -> None:
    full = as_django_raises(psycopg.errors.DiskFull("could not extend file"))
    assert explain_database(full) == "The disk of the console database is full. Make room on it."


def test_a_lock_is_explained(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "file", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        other = sqlite3.connect(tmp_path / "file", timeout=0)
        with contextlib.closing(other), pytest.raises(sqlite3.OperationalError) as raised:
            other.execute("CREATE TABLE x (y)")
    assert "has locked the console database" in explain_database(as_django_raises(raised.value))


def test_a_file_that_cannot_be_opened_is_explained(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as raised:
        sqlite3.connect(tmp_path / "nowhere" / "file")
    sentence = explain_database(as_django_raises(raised.value))
    assert sentence == (
        "The file of the console database cannot be used (unable to open database file). Check its disk."
    )


def test_any_other_error_means_that_the_database_is_not_responding() -> None:
    assert explain_database(as_django_raises(sqlite3.OperationalError("?"))).startswith("The console database is not")
