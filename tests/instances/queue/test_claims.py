"""Many threads claim jobs at once, as several agents could: each job is done exactly once."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from instances.choices import JobKind, JobStatus
from instances.models import Job
from instances.queue import leases
from tests.at_once import at_once
from tests.factories import make_host, make_instance, make_job
from tests.jobs import steps

pytestmark = pytest.mark.django_db(transaction=True)

CLAIMERS = 6
KIND = steps()


def test_each_job_is_claimed_by_one_of_many_claimers() -> None:
    host = make_host()
    instances = [make_instance(host=host) for _ in range(8)]
    for instance in instances:
        for _ in range(4):
            make_job(instance=instance, host=host)
    for _ in range(16):
        make_job(kind=JobKind.DELETE_BACKUP, host=host)

    def claim_all(number: int) -> list[Job]:
        claimed = []
        while Job.objects.unended().exists():
            job = leases.claim("local", timezone.now())
            if job:
                claimed.append(job)
                running = Counter(Job.objects.running().exclude(instance=None).values_list("instance", flat=True))
                assert max(running.values(), default=1) == 1
                assert leases.complete(KIND(job), None)
        return claimed

    claimed = [job.pk for jobs_of_one in at_once(CLAIMERS, claim_all) for job in jobs_of_one]
    assert len(claimed) == len(set(claimed)) == 48
    assert set(Job.objects.values_list("status", flat=True)) == {JobStatus.COMPLETED}


def test_no_claimer_waits_for_a_job_that_another_is_claiming() -> None:
    host = make_host()
    for _ in range(CLAIMERS):
        make_job(kind=JobKind.DELETE_BACKUP, host=host)
    claimed = at_once(CLAIMERS, lambda number: leases.claim("local", timezone.now()))
    assert len({job.pk for job in claimed if job}) == CLAIMERS


def test_checking_an_empty_queue_takes_no_lock() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert leases.claim("local", timezone.now()) is None
    assert len(queries) == 1 and "UPDATE" not in queries[0]["sql"]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_on_postgresql_a_claim_skips_locked_rows() -> None:
    make_job()
    with CaptureQueriesContext(connection) as queries:
        assert leases.claim("local", timezone.now())
    assert any("FOR UPDATE SKIP LOCKED" in query["sql"] for query in queries)
