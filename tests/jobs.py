"""Claim and do jobs in the test's own thread, as an agent does."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from django.db import connections
from django.utils import timezone

from console.jobs import JOBS
from instances.choices import JobKind
from instances.models import Job
from instances.queue import leases
from instances.queue.agent import Agent
from instances.queue.job import JobKinds, JobSteps, Parameters, steps_of
from instances.queue.supervisor import Supervisor
from instances.queue.work import Work


def claimed(host: str = "local") -> Job:
    """Claim and return the next queued job of the host."""
    job = leases.claim(host, timezone.now())
    assert job is not None
    return job


def work_on(job: Job, servers: object = None) -> Work:
    return Work(job, cast(Supervisor, servers))


def do(servers: object = None, *, kind: type[JobSteps[Any, Any]] | None = None, work: type[Work] = Work) -> Job:
    """Take the next queued job through all its steps.

    `servers` replaces the supervisor, `kind` the steps of the job, and `work` the object that the steps report to.
    """
    job = claimed()
    agent = Agent("local", {JobKind(job.kind): kind} if kind else JOBS)
    with pytest.MonkeyPatch.context() as patched:
        # An agent's thread closes its connections, but here they belong to the test.
        patched.setattr(connections, "close_all", lambda: None)
        agent._do(work(job, cast(Supervisor, servers or agent.supervisor)))
    agent.supervisor.shut_down()
    job.refresh_from_db()
    return job


def fail_unrenewed(kinds: JobKinds = JOBS) -> int:
    """End all running jobs with a lease, as an agent does that has seen no renewal for a lease length."""
    watch = leases.LeaseWatch()
    assert watch.fail_expired(kinds, 0.0) == 0
    return watch.fail_expired(kinds, leases.lease_length().total_seconds())


def complete(job: Job, result: Any = None) -> bool:
    return leases.complete(steps_of(job, JOBS), result)


def fail(job: Job, reason: str, **how: Any) -> bool:
    return leases.fail(steps_of(job, JOBS), reason, **how)


def steps(
    run: Callable[[Work], Any] = lambda work: None,
    completed: Callable[[Job, Any], None] = lambda job, result: None,
    failed: Callable[[Job, str], None] = lambda job, reason: None,
    clean_up: Callable[[Job], None] = lambda job: None,
) -> type[JobSteps[Parameters, Any]]:
    """Return a kind of job with these steps."""

    class Made(JobSteps[Parameters, Any]):
        parameters_type = Parameters

        def run(self, work: Work) -> Any:
            return run(work)

        def completed(self, result: Any) -> None:
            completed(self.job, result)

        def failed(self, reason: str) -> None:
            failed(self.job, reason)

        def clean_up(self) -> None:
            clean_up(self.job)

    return Made
