"""Cancel: a user's request ends a queued or running backup as Failed."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backups.archive import Written
from backups.choices import BackupStatus
from backups.jobs.archiving import Made
from backups.models import Backup
from backups.services.cancel import cancel_backup
from backups.services.create import create_backup
from console.text.refused import Refused
from instances.choices import JobStatus, Status
from instances.engines.base import Contents
from instances.models import Job
from instances.queue import leases
from instances.queue.job import JobFailed
from tests.backups.archive.archives import MANIFEST
from tests.factories import make_backup, make_instance, make_job
from tests.jobs import claimed, complete, fail, fail_unrenewed, work_on

pytestmark = pytest.mark.django_db


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
    assert (backup.status, backup.failure) == (BackupStatus.FAILED, reason)
    assert (backup.job.status, backup.job.failure) == (JobStatus.FAILED, reason)
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


def test_a_backup_cancelled_after_its_last_report_still_ends_as_failed(running: tuple[Backup, Job], user: User) -> None:
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


def test_a_report_needs_one_query(running: tuple[Backup, Job], django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        work_on(running[1]).report(10)


@pytest.mark.parametrize("status", [BackupStatus.COMPLETED, BackupStatus.FAILED, BackupStatus.DELETING])
def test_cancelling_after_the_end_is_refused_with_the_status(user: User, status: BackupStatus) -> None:
    backup = make_backup(status=status, job=make_job(status=JobStatus.COMPLETED))
    with pytest.raises(Refused, match=f"Only a running backup can be cancelled. This one is: {status.label}.") as no:
        cancel_backup(backup=backup, requested_by=user)
    assert backup.cancel_refusal == str(no.value.message)
    assert Backup.objects.get().status == status


def made() -> Made:
    """Return a finished, empty archive."""
    return Made(Written(1, "0" * 64, Contents(())), MANIFEST, pause_seconds=0.0)


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
