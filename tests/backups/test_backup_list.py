"""The Backup Management and Backups & Restorations lists, as pages and as the fragments that refresh them."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.choices import BackupStatus, BackupType
from backups.models import Backup
from instances.choices import InstanceType, JobStatus
from instances.models import Instance, Job
from tests.factories import make_backup, make_instance, make_job, reading

pytestmark = pytest.mark.django_db
LIST = reverse("backups:list")


def names(answer: Any) -> list[str]:
    return [backup.name for backup in answer.context["backups"]]


def test_a_row_shows_the_main_facts(plain: Client) -> None:
    backup = make_backup(make_instance(name="orders"), name="nightly", description="Before the move", size=1536 * 1024)
    html = plain.get(LIST).content.decode()
    for text in (
        *("nightly", backup.id, "orders", backup.instance_uid, "0.7.0b3", "Manual", "Physical", "Complete"),
        *("1.5", "Before the move"),
    ):
        assert text in html, text
    assert f'data-backup-id="{backup.id}"' in html and 'data-status="COMPLETED"' in html


def test_a_failed_backup_says_why(plain: Client) -> None:
    make_backup(status=BackupStatus.FAILED, failure="The disk is full.")
    html = plain.get(LIST).content.decode()
    assert "Failed" in html and "The disk is full." in html


def test_progress_is_a_bar_with_a_percentage(plain: Client) -> None:
    make_backup(
        status=BackupStatus.BUILDING,
        job=make_job(status=JobStatus.RUNNING, progress=42, detail=reading(speed=204_800.0, left=11.0)),
    )
    html = plain.get(LIST).content.decode()
    assert "<progress" in html and 'value="42"' in html and "42 %" in html and "Backing up" in html
    for text in ("Copying the databases: 1.8\xa0MB of 4.0\xa0MB", "200.0\xa0KB/s", "about 15 s left"):
        assert text in html, text


def test_unknown_parts_of_the_progress_are_not_shown(plain: Client) -> None:
    job = make_job(status=JobStatus.RUNNING, progress=42, detail=reading())
    backup = make_backup(status=BackupStatus.BUILDING, job=job)
    html = plain.get(LIST).content.decode()
    assert "of 4.0\xa0MB" in html and "/s</span>" not in html and "left" not in html.split("progress-")[2]
    Job.objects.filter(pk=job.pk).update(detail={})
    html = plain.get(LIST).content.decode()
    assert 'value="42"' in html and "of 4.0" not in html
    Job.objects.filter(pk=job.pk).update(status=JobStatus.QUEUED, progress=0)
    assert f"Waiting for the host {backup.host_id} to begin" in plain.get(LIST).content.decode()


def test_a_row_hides_the_speed_when_the_agent_goes_offline(plain: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = reading(speed=204_800.0, left=11.0)
    job = make_job(status=JobStatus.RUNNING, progress=42, detail=fresh)
    make_backup(status=BackupStatus.BUILDING, job=job)
    assert "200.0\xa0KB/s" in plain.get(LIST).content.decode()
    later = timezone.now() + timedelta(seconds=20)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    html = plain.get(LIST).content.decode()
    assert "200.0\xa0KB/s" not in html and "15 s left" not in html and "1.8\xa0MB of 4.0\xa0MB" in html


def test_an_empty_console_says_what_to_do(plain: Client) -> None:
    html = plain.get(LIST).content.decode()
    assert "Create Backup" in html and "<table" not in html


def test_the_newest_comes_first(plain: Client) -> None:
    for name in ("first", "second", "third"):
        make_backup(name=name)
    assert names(plain.get(LIST)) == ["third", "second", "first"]


def test_backups_of_a_deleted_instance_stay_listed_with_its_facts(plain: Client) -> None:
    backup = make_backup(make_instance(name="long-gone", type=InstanceType.CLUSTER), name="kept-one")
    Instance.objects.all().delete()
    html = plain.get(LIST).content.decode()
    for text in ("kept-one", "long-gone", backup.instance_uid, "0.7.0b3"):
        assert text in html, text
    assert names(plain.get(LIST, {"type": "Sharding"})) == ["kept-one"]


def test_the_tabs_filter_by_the_type_of_the_instance(plain: Client) -> None:
    make_backup(make_instance(type=InstanceType.CLUSTER), name="of-a-cluster")
    make_backup(make_instance(type=InstanceType.SINGLE_NODE), name="of-a-node")
    answer = plain.get(LIST, {"type": "Single"})
    assert names(answer) == ["of-a-node"]
    assert [str(tab.label) for tab in answer.context["tabs"]] == ["All", "Clusters", "Replica Sets", "Single Nodes"]


def test_search_finds_a_prefix_of_the_name_or_the_exact_id(plain: Client) -> None:
    backup = make_backup(name="Nightly-1")
    make_backup(name="weekly-1")
    assert names(plain.get(LIST, {"q": "nightly"})) == ["Nightly-1"]
    assert names(plain.get(LIST, {"q": backup.id})) == ["Nightly-1"]


@pytest.mark.parametrize("query", ["?type=Galaxy", "?q=%00", "?q=%FF", "?q=" + "x" * 500, "?version=%00"])
def test_an_unknown_filter_is_not_an_error(plain: Client, query: str) -> None:
    assert plain.get(LIST + query).status_code == 200


def test_an_instances_page_lists_only_its_own_backups(plain: Client) -> None:
    instance = make_instance()
    make_backup(instance, name="its-own")
    make_backup(name="not-its-own")
    answer = plain.get(reverse("backups:instance", args=[instance.id]))
    assert names(answer) == ["its-own"]
    assert "Backups & Restorations" in answer.content.decode()


@pytest.mark.parametrize("rows", [1, 50])
@pytest.mark.parametrize("status", [BackupStatus.COMPLETED, BackupStatus.FAILED])
def test_lists_need_the_same_few_queries_for_any_number_of_rows(
    plain: Client, rows: int, status: BackupStatus, django_assert_num_queries: Any
) -> None:
    instance = make_instance()
    for _ in range(rows):
        make_backup(instance, status=status, job=make_job(instance=instance), type=BackupType.MANUAL)
    with django_assert_num_queries(6):
        plain.get(LIST)
    with django_assert_num_queries(7):
        plain.get(reverse("backups:instance", args=[instance.id]))


def make_one_of_everything() -> None:
    """Make a row of every kind; each shows different columns of the backup and of related rows."""
    for status in (JobStatus.QUEUED, JobStatus.RUNNING):
        for reason in ("", "cancelled by somebody"):
            job = make_job(status=status, progress=10, detail=reading(), cancel_reason=reason)
            make_backup(status=BackupStatus.BUILDING, job=job)
    make_backup(verifying=True, uses=1, verify_job=make_job(status=JobStatus.RUNNING, detail=reading()))
    counted = {"documents": 1, "collections": 1, "databases": {}}
    make_backup(verified_at=timezone.now(), verification=counted, job=make_job(), locked=True)
    make_backup(verify_failure="Other documents.", type=BackupType.AUTOMATED, expires=timezone.now())
    make_backup(status=BackupStatus.FAILED, failure="The disk is full.", job=make_job())
    make_backup(status=BackupStatus.DELETING)
    make_backup(imported=timezone.now())
    Backup.objects.filter(pk=make_backup().pk).update(instance=None)


@pytest.mark.parametrize("times", [1, 8])
def test_no_kind_of_row_needs_an_extra_query(plain: Client, times: int, django_assert_num_queries: Any) -> None:
    """A deferred column would cost a query for each row that shows it. One query is about all expired rows together."""
    for _ in range(times):
        make_one_of_everything()
    with django_assert_num_queries(7):
        plain.get(f"{LIST}?size=100")


def test_a_refresh_returns_204_if_nothing_changed_else_the_fragment(htmx: Client) -> None:
    job = make_job(status=JobStatus.RUNNING, progress=10)
    backup = make_backup(status=BackupStatus.BUILDING, job=job)
    html = htmx.get(LIST).content.decode()
    assert "every 1s" in html
    version = html.split('data-version="')[1].split('"')[0]
    assert htmx.get(LIST, {"version": version}).status_code == 204
    Backup.objects.filter(pk=backup.pk).update(status=BackupStatus.FAILED, failure="No.")
    news = htmx.get(LIST, {"version": version})
    assert news.status_code == 200
    assert "every 1s" not in news.content.decode()


def test_unknown_wrong_method_and_signed_out(plain: Client, client: Client) -> None:
    assert plain.get("/instances/nothing/backups/").status_code == 404
    assert plain.post(LIST).status_code == 405
    assert client.get(LIST).status_code == 302
