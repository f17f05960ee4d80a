"""CSV export of the lists: filtered and sorted like the list, streamed, and harmless in a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import gettext_lazy

from backups.choices import BackupStatus
from backups.models import Backup
from console.lists import csv as lists
from instances.choices import InstanceType, JobStatus
from tests.factories import make_backup, make_instance, make_job

pytestmark = pytest.mark.django_db
BACKUPS, INSTANCES, TASKS = reverse("backups:list"), reverse("instances:list"), reverse("instances:tasks")
AUDIT = reverse("audit")


def table(client: Client, path: str, **query: str) -> list[list[str]]:
    answer: Any = client.get(path, {"format": "csv", **query})
    assert answer.status_code == 200 and answer.streaming
    return list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))


def test_the_export_has_the_filtered_rows_in_the_lists_order(plain: Client) -> None:
    for name in ("orders-b", "Orders-a", "weekly-c"):
        make_backup(name=name, description="kept, for the audit")
    make_backup(name="orders-d", status=BackupStatus.FAILED)
    head, *rows = table(plain, BACKUPS, q="orders", status="COMPLETED", sort="name")
    assert head[:2] == ["Backup Name", "ID"]
    assert [row[0] for row in rows] == ["Orders-a", "orders-b"]
    assert "kept, for the audit" in rows[0]


def test_the_export_has_all_pages(plain: Client) -> None:
    for _ in range(25):
        make_backup()
    assert len(table(plain, BACKUPS, size="10", after="x", before="end")) == 26


def test_the_export_of_an_instance_has_only_its_own_backups(plain: Client) -> None:
    instance = make_instance(name="orders")
    make_backup(instance, name="its-own")
    make_backup(name="not-its-own")
    path = reverse("backups:instance", args=[instance.id])
    assert [row[0] for row in table(plain, path)[1:]] == ["its-own"]
    answer = plain.get(path, {"format": "csv"})
    assert answer.headers["Content-Disposition"] == 'attachment; filename="backups-orders.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"


def test_instances_and_tasks_can_be_exported_too(plain: Client) -> None:
    instance = make_instance(name="orders", type=InstanceType.CLUSTER, port=8635)
    started = datetime(2026, 3, 1, 12, tzinfo=UTC)
    job = make_job(
        instance=instance,
        status=JobStatus.FAILED,
        failure="No space.",
        started=started,
        ended=started + timedelta(seconds=90),
    )
    assert {"orders", instance.id, "Cluster", "127.0.0.1:8635"} <= set(table(plain, INSTANCES)[1])
    row = table(plain, TASKS)[1]
    assert {"Backup", str(job.id), "orders", instance.id, "Failed", "No space.", "90.0"} <= set(row)
    assert {"2026-03-01 12:00:00", "2026-03-01 12:01:30"} <= set(row)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\xa0=1", "\u3000@A1", "\uff1d1"])
def test_a_cell_that_a_spreadsheet_would_run_is_escaped(plain: Client, text: str) -> None:
    assert lists.cell(text) == f"'{text}"
    backup = make_backup()
    Backup.objects.filter(pk=backup.pk).update(description=text, failure=f"a{text}")
    row = table(plain, BACKUPS)[1]
    assert f"'{text}" in row and f"a{text}" in row


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1", "a\r\n=1", "\x1b[31m", "a\u202eb"])
def test_invisible_characters_become_escapes(plain: Client, text: str) -> None:
    escaped = text.encode("unicode_escape").decode()
    assert lists.cell(text) == escaped
    backup = make_backup()
    Backup.objects.filter(pk=backup.pk).update(description=text, failure=text)
    assert table(plain, BACKUPS)[1].count(escaped) == 2


def test_cells_of_other_types_are_formatted() -> None:
    assert lists.cell(gettext_lazy("=1")) == "'=1"
    east = timezone(timedelta(hours=2))
    assert lists.cell(datetime(2026, 3, 1, 1, 30, tzinfo=east)) == "2026-02-28 23:30:00"
    assert [lists.cell(value) for value in (None, 0, -5, "a=b", " a", "")] == ["", "0", "-5", "a=b", " a", ""]


@pytest.mark.parametrize("path", [BACKUPS, INSTANCES, TASKS, AUDIT])
def test_every_export_has_a_byte_order_mark_and_is_not_stored(plain: Client, path: str) -> None:
    answer: Any = plain.get(path, {"format": "csv"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.getvalue().startswith(b"\xef\xbb\xbf")


def test_text_in_any_language_is_exported_unchanged(plain: Client) -> None:
    make_backup(description='每晚 "quoted", déjà')
    assert '每晚 "quoted", déjà' in table(plain, BACKUPS)[1]


def test_rows_are_sent_while_more_rows_are_read(plain: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "_BATCH", 5)
    read = 0
    original = lists.cell

    def noted(value: object) -> str:
        nonlocal read
        read += 1
        return original(value)

    monkeypatch.setattr(lists, "cell", noted)
    for _ in range(30):
        make_backup()
    answer: Any = plain.get(BACKUPS, {"format": "csv"})
    chunks: Iterator[bytes] = iter(answer.streaming_content)
    first = next(chunks)
    assert first.count(b"\r\n") == 6 and read == 5 * 17
    assert len(list(chunks)) == 6


@pytest.mark.parametrize("rows", [1, 50])
def test_an_export_needs_the_same_few_queries_for_any_number_of_rows(plain: Client, rows: int) -> None:
    instance = make_instance()
    for _ in range(rows):
        make_backup(instance, job=make_job(instance=instance, requested_by=None))
    # The filters of Instance Management also query the hosts.
    for path, expected in ((BACKUPS, 3), (INSTANCES, 4), (TASKS, 3), (AUDIT, 3)):
        with CaptureQueriesContext(connection) as queries:
            table(plain, path)
        assert len(queries) == expected


@pytest.mark.parametrize("path", [BACKUPS, INSTANCES, TASKS, AUDIT])
def test_an_export_requires_signing_in(client: Client, path: str) -> None:
    assert client.get(path, {"format": "csv"}).status_code == 302


@pytest.mark.parametrize("path", [BACKUPS, INSTANCES, TASKS, AUDIT])
def test_an_export_without_rows_has_only_its_header(plain: Client, path: str) -> None:
    nothing = {"resource": "nothing-like-it"} if path == AUDIT else {"q": "nothing-like-it"}
    assert len(table(plain, path, **nothing)) == 1
