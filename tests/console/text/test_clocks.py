"""A clock that was a year ahead: what it wrote hides nothing, says so, and does not last until the clock gets there."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from backups import history
from backups.models import Backup, StorageSample
from console.accounts.models import UserSession
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.monitoring import figures
from console.text import clocks
from instances import hosts
from instances.activity import Notified, activity_and_notifications
from instances.choices import JobStatus
from instances.models import Host, Instance, Job
from tests.factories import make_backup, make_host, make_instance, make_job, reading

pytestmark = pytest.mark.django_db
HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
SAID = "in the future: a clock was wrong"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.mark.parametrize(("ahead", "known"), [(timedelta(0), True), (clocks.TOLERANCE, True), (HOUR, False)])
def test_clocks_may_differ_a_little(now: datetime, ahead: timedelta, known: bool) -> None:
    assert clocks.is_ahead(now + ahead, now) is not known


# --- Heartbeats and jobs ----------------------------------------------------------------------------------


def test_a_host_with_a_heartbeat_in_the_future_is_offline_and_says_why(now: datetime, plain: Client) -> None:
    host = Host.objects.create(name="local", seen=now + YEAR, agent="dead")
    make_instance(host=host)
    assert not host.is_online(now) and "in the future" in host.refusal
    assert list(Host.objects.offline(now)) == [host] and not Host.objects.online(now)
    assert SAID in plain.get(reverse("home")).content.decode()
    assert hosts.take("local", agent="new", before="", now=now)
    assert Host.objects.get().is_online(now)


def test_the_progress_of_a_job_that_reported_in_the_future_has_no_speed(now: datetime) -> None:
    at = (now + YEAR).timestamp()
    job = make_job(status=JobStatus.RUNNING, detail=reading(speed=1.0, left=2.0, at=at))
    assert job.reading is not None and (job.reading.speed, job.reading.left) == (None, None)


def test_a_job_during_which_the_clock_was_set_back_took_no_time(now: datetime) -> None:
    assert Job(started=now + YEAR, ended=now).duration == timedelta()


# --- Checks that run now and then -------------------------------------------------------------------------


def test_the_storage_is_checked_and_measured_although_the_last_time_is_in_the_future(now: datetime) -> None:
    host = make_host()
    moment = now.replace(minute=20)
    Host.objects.update(storage_checked=moment + YEAR)
    figures.check_storage(host.name, moment)
    assert Host.objects.get().storage_checked == moment
    StorageSample.objects.create(host=host, hour=history.hour(moment), taken=moment + HOUR / 2, archives=1, data=1)
    history.sample_storage(host.name, moment)
    assert StorageSample.objects.get().taken == moment


def test_a_sample_in_the_future_is_not_the_latest(now: datetime) -> None:
    for taken in (now - HOUR, now + HOUR):
        StorageSample.objects.create(host=make_host(), hour=history.hour(taken), taken=taken, archives=1, data=1)
    assert [taken for taken, _stored in StorageSample.objects.since(now - DAY)] == [now - HOUR]


def test_cached_lists_expire_although_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: ticks[0])
    monkeypatch.setattr(time, "time", lambda: 0.0)
    caches["lists"].set("test-of-clocks", 1, 1)
    assert caches["lists"].get("test-of-clocks") == 1
    ticks[0] += 2
    assert caches["lists"].get("test-of-clocks") is None


# --- Last success, failures, news and metrics -------------------------------------------------------------


def test_an_instance_last_backed_up_in_the_future_counts_as_without_backup(now: datetime, plain: Client) -> None:
    make_instance(name="known", created=now - 9 * DAY, last_backup_at=now - HOUR)
    make_instance(name="unknown", created=now - 9 * DAY, last_backup_at=now + YEAR)
    make_instance(name="made-in-future", created=now + YEAR)
    answer = plain.get(reverse("home"))
    shown = [instance.name for instance, _late in answer.context["protection"]]
    assert set(shown[:2]) == {"unknown", "made-in-future"} and shown[2:] == ["known"]
    assert "2 instances without a Complete backup in 24 h." in answer.content.decode()
    assert SAID in answer.content.decode()


def test_the_next_backup_replaces_a_last_success_in_the_future(now: datetime) -> None:
    instance = make_instance()
    ahead = make_backup(instance, started=now + YEAR)
    history.note_newest(instance.id)
    assert Instance.objects.get().last_backup_at == ahead.started, "there is no other"
    backup = make_backup(instance, started=now)
    history.note_newest(instance.id)
    assert Instance.objects.get().last_backup_at == backup.started


def test_metrics_ignore_backups_and_jobs_in_the_future_and_count_the_backups(now: datetime) -> None:
    instance = make_instance(name="orders")
    make_backup(instance, started=now - 2 * HOUR)
    make_backup(instance, started=now + YEAR)
    make_job(status=JobStatus.COMPLETED, created=now + YEAR, started=now + YEAR, ended=now)
    lines = figures.metrics().decode().splitlines()
    [age] = [line for line in lines if line.startswith("console_backup_age_seconds{")]
    assert float(age.split()[-1]) == pytest.approx(7200, abs=60)
    assert "console_backups_in_future 1.0" in lines
    assert not any(line.startswith("console_jobs_last_day{") for line in lines)


def test_a_failure_in_the_future_does_not_hide_those_of_the_last_days(now: datetime, user: User) -> None:
    ahead = make_job(status=JobStatus.FAILED, requested_by=user, created=now + YEAR, ended=now + YEAR)
    job = make_job(status=JobStatus.FAILED, requested_by=user, created=now, ended=now)
    assert list(Job.objects.failed_since(now - DAY)) == [job]
    _activity, news, _notified = activity_and_notifications(user, Notified(now - HOUR), now)
    assert len(news) == 1 and ahead.ended is not None


# --- Sessions and pages -----------------------------------------------------------------------------------


def test_a_session_of_a_clock_that_was_ahead_lasts_no_longer_than_others(
    user: User, client: Client, settings: Any, now: datetime
) -> None:
    client.force_login(user)
    longest = timedelta(seconds=settings.SESSION_COOKIE_AGE)
    UserSession.objects.update(seen=now + YEAR, expire_date=now + YEAR + longest)
    assert client.get(reverse("sessions")).status_code == 200
    session = UserSession.objects.get()
    assert not clocks.is_ahead(session.seen, now) and session.expire_date <= timezone.now() + longest


def test_the_audit_marks_events_in_the_future(plain: Client, now: datetime) -> None:
    for moment in (now - HOUR, now + YEAR):
        AuditEvent.objects.create(time=moment, trace="ddsCreateBackup", outcome=Outcome.SUCCEEDED)
    assert plain.get(reverse("audit")).content.decode().count(SAID) == 1


def test_pages_mark_backups_in_the_future(plain: Client, now: datetime) -> None:
    with override("en"), timezone.override(UTC):
        counted = {"documents": 1, "collections": 1}
        make_backup(verified_at=now - HOUR, verification=counted, started=now - HOUR)
        assert SAID not in plain.get(reverse("backups:list")).content.decode()
        backup = make_backup(started=now + YEAR, verified_at=now + YEAR, verification=counted)
        assert plain.get(reverse("backups:list")).content.decode().count(SAID) == 2
        Backup.objects.update(cut_at=now + YEAR)
        assert plain.get(backup.get_absolute_url()).content.decode().count(SAID) == 3
        dialog = plain.get(reverse("backups:restore", args=[backup.id])).content.decode()
        assert "made at an unknown time" in dialog
