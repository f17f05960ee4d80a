"""The queue: claims, leases and ends."""

import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from instances.choices import JobKind, JobStatus, Step
from instances.models import Job
from instances.queue import leases
from instances.queue.job import JobFailed, LeaseLost
from instances.queue.pace import Amount
from tests.factories import make_host, make_instance, make_job, reading
from tests.jobs import claimed, fail_unrenewed, steps, work_on

pytestmark = pytest.mark.django_db


class Recorder:
    """A kind of job that records how its jobs ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, Any]] = []
        self.kind = steps(
            completed=lambda job, result: self.ended.append(("completed", result)),
            failed=lambda job, reason: self.ended.append(("failed", reason)),
        )


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_the_oldest_job_of_the_host_is_claimed_first() -> None:
    now = timezone.now()
    make_job(host=make_host("elsewhere"), created=now - timedelta(hours=3))
    second = make_job(created=now - timedelta(hours=1))
    first = make_job(created=now - timedelta(hours=2))

    claimed = [leases.claim("local", now), leases.claim("local", now), leases.claim("local", now)]

    assert claimed == [first, second, None]


def test_a_claimed_job_is_running_with_a_lease() -> None:
    make_job()
    now = timezone.now()
    job = leases.claim("local", now)
    assert job is not None
    assert (job.status, job.started) == (JobStatus.RUNNING, now)
    assert job.token is not None
    assert job.lease_until == now + timedelta(seconds=settings.CONSOLE_LEASE_SECONDS)


def test_an_instance_never_has_two_running_jobs() -> None:
    instance = make_instance()
    make_job(instance=instance)
    make_job(instance=instance)
    assert leases.claim("local", timezone.now()) is not None
    assert leases.claim("local", timezone.now()) is None


def test_the_database_itself_refuses_a_second_running_job() -> None:
    instance = make_instance()
    make_job(instance=instance, status=JobStatus.RUNNING)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_job(instance=instance, status=JobStatus.RUNNING)


def test_a_busy_instance_does_not_hold_up_another() -> None:
    busy, other = make_instance(), make_instance()
    make_job(instance=busy, status=JobStatus.RUNNING)
    make_job(instance=busy)
    waiting = make_job(instance=other)
    assert leases.claim("local", timezone.now()) == waiting


def test_jobs_without_an_instance_run_beside_each_other() -> None:
    make_job(kind=JobKind.DELETE_BACKUP)
    make_job(kind=JobKind.DELETE_BACKUP)
    assert leases.claim("local", timezone.now()) is not None
    assert leases.claim("local", timezone.now()) is not None


def test_completing_writes_the_end_and_its_consequences(recorder: Recorder) -> None:
    make_job()
    job = claimed()
    assert leases.complete(recorder.kind(job), "the result")
    job.refresh_from_db()
    assert (job.status, job.progress, job.token, job.lease_until) == (JobStatus.COMPLETED, 100, None, None)
    assert job.ended is not None
    assert recorder.ended == [("completed", "the result")]


def test_failing_writes_the_reason_and_its_consequences(recorder: Recorder) -> None:
    make_job()
    job = claimed()
    assert leases.fail(recorder.kind(job), "The disk is full.")
    job.refresh_from_db()
    assert (job.status, job.failure) == (JobStatus.FAILED, "The disk is full.")
    assert recorder.ended == [("failed", "The disk is full.")]


def test_an_agent_that_lost_its_lease_changes_nothing(recorder: Recorder) -> None:
    make_job()
    job = claimed()
    assert fail_unrenewed({JobKind.BACKUP: recorder.kind}) == 1

    assert not leases.complete(recorder.kind(job), "too late")
    assert not leases.fail(recorder.kind(job), "too late")
    assert job.token is not None
    assert not leases.renew(job.token, timezone.now())

    job.refresh_from_db()
    assert (job.status, job.left_behind) == (JobStatus.FAILED, True)
    assert recorder.ended == [("failed", "The agent stopped while this was running.")]


CLOCKS = [timedelta(0), timedelta(seconds=-90), timedelta(days=-365), timedelta(seconds=90), timedelta(days=365)]


@pytest.mark.parametrize("ahead", CLOCKS, ids=str)
def test_a_renewed_lease_does_not_expire_whatever_the_clocks_show(recorder: Recorder, ahead: timedelta) -> None:
    """The clock of the job's agent is `ahead` of the watching agent's."""
    make_job()
    clock = timezone.now() + ahead
    job = leases.claim("local", clock)
    assert job is not None and job.token is not None
    kinds, length, watch = {JobKind.BACKUP: recorder.kind}, leases.lease_length().total_seconds(), leases.LeaseWatch()
    for seconds in range(0, round(3 * length), 5):
        renewed = clock + timedelta(seconds=seconds)
        assert leases.renew(job.token, renewed)
        assert watch.fail_expired(kinds, 1000.0 + seconds) == 0
        job.refresh_from_db()
        assert job.lease_until == renewed + leases.lease_length()
    assert recorder.ended == []
    # Its agent dies.
    assert watch.fail_expired(kinds, 1000.0 + seconds + length - 1) == 0
    assert watch.fail_expired(kinds, 1000.0 + seconds + length) == 1
    assert recorder.ended == [("failed", "The agent stopped while this was running.")]


def test_a_lease_that_is_renewed_just_before_its_job_would_end_is_kept(recorder: Recorder) -> None:
    make_job()
    job = claimed()
    assert job.token is not None and leases.renew(job.token, timezone.now())
    assert not leases.fail_interrupted(recorder.kind(job), unrenewed=True)
    assert recorder.ended == []


def test_a_job_without_an_end_of_its_lease_never_expires(recorder: Recorder) -> None:
    """The seed makes such jobs, to show them running."""
    make_job()
    claimed()
    Job.objects.update(lease_until=None)
    assert fail_unrenewed({JobKind.BACKUP: recorder.kind}) == 0


def test_a_job_has_not_ended_if_its_consequences_cannot_be_written() -> None:
    def broken(job: Job, result: Any) -> None:
        raise RuntimeError("no")

    make_job()
    job = claimed()
    kind = steps(completed=broken)
    with pytest.raises(RuntimeError):
        leases.complete(kind(job), None)
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING


def test_progress_is_written_with_its_amount_and_never_reaches_100() -> None:
    make_job()
    job = claimed()
    work_on(job).report(100, Amount(Step.COPY, 7, 7))
    job.refresh_from_db()
    assert job.progress == 99 and job.reading is not None
    assert (job.reading.step, job.reading.done, job.reading.total) == (Step.COPY, 7, 7)
    assert job.reading.speed is None and job.reading.left is None, "one report says nothing of the speed"


def test_each_step_has_its_own_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    make_job()
    job = claimed()
    work, clock = work_on(job), iter(range(1000))
    monkeypatch.setattr("instances.queue.work.time.monotonic", lambda: float(next(clock)))
    for done in range(10):
        work.report(done, Amount(Step.COPY, done * 100, 2000))
    job.refresh_from_db()
    assert job.reading is not None and job.reading.speed == pytest.approx(100)
    assert job.reading.left == pytest.approx(11)
    work.report(25, Amount(Step.UNPACK, 0, 2000))
    job.refresh_from_db()
    assert job.reading is not None and job.reading.speed is None and job.reading.left is None


def test_speed_and_time_left_are_not_shown_when_the_agent_has_stopped_responding() -> None:
    job = make_job(status=JobStatus.RUNNING, detail=reading(speed=100.0, left=5.0))
    assert job.reading is not None and (job.reading.speed, job.reading.left) == (100.0, 5.0)
    job.detail = reading(speed=100.0, left=5.0, at=time.time() - 20)
    assert job.reading is not None and (job.reading.speed, job.reading.left) == (None, None)


def test_a_job_that_reported_nothing_countable_has_no_reading() -> None:
    assert make_job(status=JobStatus.RUNNING, progress=10).reading is None
    assert make_job(status=JobStatus.COMPLETED, detail=reading()).reading is None


def test_progress_is_written_at_most_twice_a_second(django_assert_num_queries: Any) -> None:
    make_job()
    job = claimed()
    work = work_on(job)
    with django_assert_num_queries(1):
        for percent in range(50):
            work.report(percent)


def test_a_report_after_losing_the_lease_ends_the_work() -> None:
    make_job()
    job = claimed()
    Job.objects.filter(pk=job.pk).update(token=uuid.uuid4())
    with pytest.raises(LeaseLost):
        work_on(job).report(10)


def test_stopped_work_ends_with_the_reason() -> None:
    make_job()
    job = claimed()
    work = work_on(job)
    work.stop("cancelled")
    with pytest.raises(JobFailed, match="cancelled"):
        work.report(10)
