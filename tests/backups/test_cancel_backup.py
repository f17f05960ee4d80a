"""Cancel: a user's request ends a queued or running backup as Cancelled, which is not a failure."""

import csv
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups import history
from backups.archive import Written
from backups.choices import BackupStatus, BackupType
from backups.jobs.archiving import Made
from backups.models import Backup, BackupTally
from backups.services.cancel import cancel_backup
from backups.services.create import create_backup
from console.jobs import JOBS
from console.text.messages import Message
from console.text.refused import Refused
from instances.choices import JobKind, JobStatus, Status
from instances.engines.base import Contents
from instances.models import Job
from instances.queue import leases, requests
from instances.queue.job import JobFailed, steps_of
from tests.backups.archive.archives import MANIFEST
from tests.factories import make_backup, make_instance, make_job
from tests.jobs import claimed, complete, fail, fail_unrenewed, work_on

pytestmark = pytest.mark.django_db
CANCELLED_BACKUPS = "0003_cancelled_is_a_status_of_backups"


def url(backup: Backup) -> str:
    return reverse("backups:cancel", args=[backup.id])


@pytest.fixture
def queued(user: User) -> Backup:
    return create_backup(instance=make_instance(name="orders"), name="too-late", requested_by=user)


@pytest.fixture
def running(queued: Backup) -> tuple[Backup, Job]:
    return queued, claimed()


def assert_cancelled(backup: Backup, user: User) -> None:
    backup = Backup.objects.select_related("job", "instance").get(pk=backup.pk)
    reason = f"cancelled by {user.username}"
    assert backup.job and backup.instance
    assert (backup.status, backup.failure) == (BackupStatus.CANCELLED, reason)
    assert (backup.job.status, backup.job.failure) == (JobStatus.CANCELLED, reason)
    assert backup.ended is not None and backup.job.ended is not None
    assert backup.instance.status is Status.AVAILABLE


def test_a_queued_backup_ends_at_once_and_never_starts(queued: Backup, user: User) -> None:
    cancel_backup(backup=queued, requested_by=user)
    assert_cancelled(queued, user)
    assert leases.claim("local", timezone.now()) is None


def test_a_running_backup_ends_at_its_next_report(running: tuple[Backup, Job], user: User) -> None:
    backup, job = running
    work = work_on(job)
    work.report(10)
    cancel_backup(backup=backup, requested_by=user)
    assert Backup.objects.shown().get(pk=backup.pk).being_cancelled
    work._reported = 0.0
    with pytest.raises(JobFailed) as reason:
        work.report(20)
    assert fail(job, str(reason.value))
    assert_cancelled(backup, user)


def test_a_backup_cancelled_after_its_last_report_still_ends_as_cancelled(
    running: tuple[Backup, Job], user: User
) -> None:
    backup, job = running
    cancel_backup(backup=backup, requested_by=user)
    assert not complete(job, made())
    assert_cancelled(backup, user)


def test_a_cancelled_backup_whose_agent_dies_still_says_who_cancelled_it(
    running: tuple[Backup, Job], user: User
) -> None:
    backup, _ = running
    cancel_backup(backup=backup, requested_by=user)
    assert fail_unrenewed() == 1
    assert_cancelled(backup, user)
    assert not Job.objects.get().interrupted


def test_an_archive_that_a_killed_agent_left_of_a_cancelled_backup_is_removed(
    running: tuple[Backup, Job], user: User, folder: Path
) -> None:
    backup, job = running
    storages["backups"].save(backup.archive_name, ContentFile(b"not all of it"))
    cancel_backup(backup=backup, requested_by=user)
    assert fail_unrenewed() == 1
    steps_of(job, JOBS).clean_up()
    assert not storages["backups"].exists(backup.archive_name)


def test_a_cancelled_backup_that_fails_at_the_same_time_is_cancelled(running: tuple[Backup, Job], user: User) -> None:
    backup, job = running
    cancel_backup(backup=backup, requested_by=user)
    assert fail(job, "The disk is full.")
    assert_cancelled(backup, user)
    assert not fail(job, "Too late."), "the lease is gone"


def test_a_cancellation_that_comes_too_late_changes_nothing(running: tuple[Backup, Job]) -> None:
    backup, job = running
    assert complete(job, made())
    assert not requests.cancel(job, "cancelled by ann", cancelled=lambda job, reason: pytest.fail(reason))
    backup.refresh_from_db()
    assert (backup.status, Job.objects.get().status) == (BackupStatus.COMPLETED, JobStatus.COMPLETED)


def test_a_report_needs_one_query(running: tuple[Backup, Job], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        work_on(running[1]).report(10)


@pytest.mark.parametrize("status", [each for each in BackupStatus if each != BackupStatus.BUILDING])
def test_cancelling_after_the_end_is_refused_with_the_status(user: User, status: BackupStatus) -> None:
    backup = make_backup(status=status, job=make_job(status=JobStatus.COMPLETED))
    with pytest.raises(Refused, match=f"Only a running backup can be cancelled. This one is: {status.label}.") as no:
        cancel_backup(backup=backup, requested_by=user)
    assert backup.cancel_refusal == str(no.value.message)
    assert Backup.objects.get().status == status


def made() -> Made:
    """Return a finished, empty archive."""
    return Made(Written(1, 1, "0" * 64, Contents(())), MANIFEST, pause_seconds=0.0)


def test_cancelling_from_a_stale_page_is_refused(running: tuple[Backup, Job], user: User) -> None:
    backup, job = running
    assert complete(job, made())
    with pytest.raises(Refused, match="This one is: Complete"):
        cancel_backup(backup=backup, requested_by=user)
    assert Job.objects.get().cancel_reason == ""


def test_cancelling_twice_is_refused(running: tuple[Backup, Job], user: User) -> None:
    cancel_backup(backup=running[0], requested_by=user)
    with pytest.raises(Refused, match="already being cancelled"):
        cancel_backup(backup=running[0], requested_by=user)


def test_cancelling_a_deleted_backup_is_refused(queued: Backup, user: User) -> None:
    Backup.objects.all().delete()
    with pytest.raises(Refused, match="no longer exists"):
        cancel_backup(backup=queued, requested_by=user)


def test_the_dialog_asks_then_cancels_and_refreshes_the_lists(htmx: Client, queued: Backup, user: User) -> None:
    html = htmx.get(url(queued)).content.decode()
    assert "<html" not in html and "<strong>too-late</strong>" in html and "Yes" in html and "No" in html
    answer = htmx.post(url(queued))
    assert answer.status_code == 204
    assert {"dialog-close", "refresh"} <= json.loads(answer.headers["HX-Trigger"]).keys()
    assert_cancelled(queued, user)


def test_without_javascript_the_user_returns_to_the_list(plain: Client, queued: Backup) -> None:
    assert "<html" in plain.get(url(queued)).content.decode()
    assert plain.post(url(queued), follow=True).redirect_chain == [(reverse("backups:list"), 302)]


def test_the_dialog_says_why_cancelling_is_refused(htmx: Client) -> None:
    backup = make_backup()
    html = htmx.get(url(backup)).content.decode()
    assert "Only a running backup" in html and 'type="submit"' not in html
    answer = htmx.post(url(backup))
    assert answer.status_code == 422 and "This one is: Complete." in answer.content.decode()


def test_rows_offer_cancel_and_show_that_it_is_in_progress(
    plain: Client, running: tuple[Backup, Job], user: User
) -> None:
    backup, _ = running
    for path in (reverse("backups:list"), reverse("backups:instance", args=[backup.instance_id])):
        assert url(backup) in plain.get(path).content.decode()
    cancel_backup(backup=backup, requested_by=user)
    html = plain.get(reverse("backups:list")).content.decode()
    assert "Being cancelled" in html and url(backup) not in html


def test_unknown_wrong_method_and_signed_out(htmx: Client, client: Client, queued: Backup) -> None:
    assert htmx.get("/backups/nothing/cancel/").status_code == 404
    assert htmx.put(url(queued)).status_code == 405
    assert client.post(url(queued)).status_code == 302
    assert Backup.objects.get().status == BackupStatus.BUILDING


def test_a_cancelled_backup_has_a_badge_of_its_own_and_can_be_filtered_and_exported(plain: Client, user: User) -> None:
    make_backup(status=BackupStatus.FAILED, failure="The disk is full.")
    backup = make_backup(status=BackupStatus.CANCELLED, failure="cancelled by ann")
    answer = plain.get(reverse("backups:list"), {"status": "CANCELLED"})
    assert [row.pk for row in answer.context["backups"]] == [backup.pk]
    assert 'data-tone="neutral">Cancelled' in answer.text and "cancelled by ann" in answer.text
    assert 'class="banner" data-tone="bad"' not in plain.get(backup.get_absolute_url()).text
    exported: Any = plain.get(reverse("backups:list"), {"status": "CANCELLED", "format": "csv"})
    heads, row = csv.reader(exported.getvalue().decode("utf-8-sig").splitlines())
    values = dict(zip(heads, row, strict=True))
    assert (values["Status"], values["Failure"], values["Cancellation"]) == ("Cancelled", "", "cancelled by ann")


def test_a_cancelled_backup_can_be_deleted_and_an_automated_one_expires() -> None:
    now = timezone.now()
    make_backup(status=BackupStatus.CANCELLED, type=BackupType.AUTOMATED, expires=now)
    assert make_backup(status=BackupStatus.CANCELLED).delete_refusal == ""
    assert Backup.objects.free().count() == 2 and Backup.objects.expired(now).count() == 1


def test_old_rows_that_failed_because_they_were_cancelled_become_cancelled() -> None:
    reason = Message("backup.cancelled_by", name="ann")
    failed = {"status": JobStatus.FAILED, "kind": JobKind.BACKUP}
    cancelled, broken = make_job(**failed, failure=reason, cancel_reason=reason), make_job(**failed, failure="No.")
    old = make_backup(status=BackupStatus.FAILED, failure=reason, job=cancelled)
    other = make_backup(status=BackupStatus.FAILED, failure="cancelled by ann", job=broken)
    history.note_ends([old, other])
    for app, number in (("instances", "0002_cancelled_is_a_status_of_jobs"), ("backups", CANCELLED_BACKUPS)):
        import_module(f"{app}.migrations.{number}").cancel(apps, None)
    assert {row.pk: row.status for row in Backup.objects.all()} == {old.pk: "CANCELLED", other.pk: "FAILED"}
    assert {row.pk: row.status for row in Job.objects.all()} == {cancelled.pk: "Cancelled", broken.pk: "Failed"}
    assert sum(BackupTally.objects.values_list("failed", flat=True)) == 1
