"""The page of a backup."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backups.choices import BackupStatus
from backups.models import Backup
from backups.templatetags.backups import per_second
from instances.choices import JobStatus
from instances.models import Instance
from tests.answers import read
from tests.factories import make_backup, make_instance, make_job, reading

pytestmark = pytest.mark.django_db
STARTED = datetime(2026, 11, 22, 9, 14, 3, tzinfo=UTC)
CONTENTS = [
    {
        "name": name,
        "collections": [
            {"name": "orders", "documents": documents, "indexes": ["_id_", "by_number"]},
            {"name": "<b>odd</b>", "documents": 1, "indexes": []},
        ],
    }
    for name, documents in (("shop", 12_000), ("stock", 345))
]


def page(backup: Backup) -> str:
    return reverse("backups:detail", args=[backup.id])


def make_whole_backup(**fields: Any) -> Backup:
    return make_backup(
        **{
            "name": "before-upgrade",
            "description": "Before the upgrade",
            "started": STARTED,
            "ended": STARTED + timedelta(seconds=4),
            "size": 5 * 1024 * 1024,
            "data_size": 16 * 1024 * 1024,
            "sha256": "ab" * 32,
            "contents": CONTENTS,
            "cut_at": STARTED + timedelta(seconds=1),
            "pause_seconds": 0.0123,
            **fields,
        }
    )


def test_the_page_shows_all_facts_about_the_backup(plain: Client) -> None:
    backup = make_whole_backup(instance=make_instance(name="orders-db"))
    html = read(plain.get(page(backup)).text)
    for text in (
        *("before-upgrade", backup.id, "Before the upgrade", "Manual", "Physical", "Complete", "orders-db"),
        *("Nov 22, 2026 09:14:03 UTC", "Nov 22, 2026 09:14:07 UTC", "Nov 22, 2026 09:14:04 UTC", "4.0 s", "12 ms"),
        "Counted by the database server at the moment of the cut.",
        *("SecantusDB 0.7.0b3", "compatible with MongoDB 8.2", "WiredTiger"),
        *("4.0\xa0MB/s", "5.0\xa0MB", "5,242,880 bytes", "16.0\xa0MB", "12,347", "shop", "stock", "12,000", "345"),
        *(
            "&lt;b&gt;odd&lt;/b&gt;",
            "_id_, by_number",
            "Counted by the database server at the moment of the cut.",
            "ab" * 32,
            f'data-copy="{"ab" * 32}"',
        ),
    ):
        assert text in html, text
    assert f'href="{reverse("instance", args=[backup.instance_id])}"' in html
    assert reverse("backups:sha256", args=[backup.id]) in html


def test_the_name_in_both_lists_links_to_the_page(plain: Client) -> None:
    backup = make_backup()
    for url in (reverse("backups:list"), reverse("backups:instance", args=[backup.instance_uid])):
        assert f'href="{page(backup)}"' in plain.get(url).content.decode()


def test_a_backup_of_a_deleted_instance_is_shown(plain: Client) -> None:
    backup = make_whole_backup(instance=make_instance(name="long-gone"))
    Instance.objects.all().delete()
    html = plain.get(page(backup)).content.decode()
    assert "long-gone" in html and "Deleted" in html
    assert reverse("instance", args=[backup.instance_uid]) not in html


def test_an_imported_backup_has_no_times_of_its_own(plain: Client) -> None:
    backup = make_whole_backup(imported=STARTED, pause_seconds=None)
    Instance.objects.all().delete()
    html = plain.get(page(backup)).content.decode()
    assert "Imported" in html and "Elsewhere" in html and "MB/s" not in html


def test_a_failed_backup_says_why_and_has_no_archive(plain: Client) -> None:
    html = plain.get(page(make_backup(status=BackupStatus.FAILED, failure="The disk is full."))).content.decode()
    assert "The disk is full." in html and "SHA-256" not in html and "Contents" not in html


def test_the_page_refreshes_itself_until_the_backup_has_ended(htmx: Client) -> None:
    job = make_job(status=JobStatus.RUNNING, progress=42, detail=reading())
    backup = make_backup(status=BackupStatus.BUILDING, job=job)
    html = htmx.get(page(backup)).content.decode()
    assert "1.8\xa0MB of 4.0\xa0MB" in html and 'role="tooltip" id="progress-' not in html, "in plain sight"
    assert "<html" not in html and "every 1s" in html and 'value="42"' in html
    version = html.split('data-version="')[1].split('"')[0]
    assert htmx.get(page(backup), {"version": version}).status_code == 204
    Backup.objects.update(status=BackupStatus.FAILED, failure="No.")
    news = htmx.get(page(backup), {"version": version})
    assert news.status_code == 200 and "every 1s" not in news.content.decode()


def test_lists_do_not_load_the_contents(django_assert_num_queries: Any) -> None:
    make_whole_backup()
    listed = Backup.objects.shown().get()
    assert "contents" in listed.get_deferred_fields()


@pytest.mark.parametrize("contents", [[], CONTENTS])
def test_the_page_needs_few_queries(plain: Client, contents: Any, django_assert_num_queries: Any) -> None:
    backup = make_whole_backup(contents=contents)
    with django_assert_num_queries(6):
        plain.get(page(backup))


def test_unknown_wrong_method_and_signed_out(plain: Client, client: Client) -> None:
    assert plain.get("/backups/nothing/").status_code == 404
    assert plain.post(page(make_backup())).status_code == 405
    assert client.get(page(make_backup())).status_code == 302


def test_the_speed_of_a_zero_duration_is_not_an_error() -> None:
    assert per_second(1024, timedelta(0)).endswith("/s")
