"""Leases: an agent claims a job, renews the lease while it works, and ends the job, each by one conditional UPDATE.

Every write to a running job carries the lease's token. An agent that has lost its lease therefore changes nothing.
No process judges another's lease by its own clock, since the clocks of hosts may differ; see LeaseWatch.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from console.text.messages import Message
from instances.choices import JobStatus
from instances.models import Job
from instances.queue.job import JobCancelled, JobKinds, JobSteps, LeaseLost, steps_of
from instances.queue.pace import Reading


def lease_length() -> timedelta:
    return timedelta(seconds=settings.CONSOLE_LEASE_SECONDS)


def claim(host: str, now: datetime) -> Job | None:
    """Claim the host's oldest queued job whose instance has no running job; return None if there is none.

    Agents that claim at the same time get different jobs. PostgreSQL locks the row that it selects and skips rows that
    others have locked; SQLite has one writer at a time.
    """
    busy = Job.objects.running().filter(instance__isnull=False).values("instance")
    queued = Job.objects.filter(host=host, status=JobStatus.QUEUED)
    free = queued.exclude(instance__in=busy).order_by("created", "id")
    if not free.exists():
        # The usual case, which needs no lock.
        return None
    token = uuid.uuid4()
    try:
        with transaction.atomic():
            locks = connection.features.has_select_for_update_skip_locked
            job = (free.select_for_update(skip_locked=True) if locks else free).first()
            if job is None:
                return None
            # The partial unique constraint decides between two claims for one instance.
            queued.filter(pk=job.pk).update(
                status=JobStatus.RUNNING, token=token, started=now, lease_until=now + lease_length()
            )
    except IntegrityError:
        return None
    job.refresh_from_db()
    return job


def renew(token: uuid.UUID, now: datetime) -> bool:
    """Extend the lease; return False if it is lost."""
    return bool(Job.objects.leased_by(token).update(lease_until=now + lease_length()))


def write_progress(token: uuid.UUID, percent: int, reading: Reading | None) -> None:
    """Write the progress of the running job. Raises LeaseLost, or JobCancelled."""
    running = Job.objects.leased_by(token).wanted()
    if not running.update(progress=percent, detail=reading.to_json() if reading else {}):
        if reason := _cancel_reason(token):
            raise JobCancelled(reason)
        raise LeaseLost


def require_lease(token: uuid.UUID) -> None:
    """Raise LeaseLost if the lease is lost. Call it in the transaction whose writes depend on the lease."""
    if not Job.objects.leased_by(token).exists():
        raise LeaseLost


def ending(status: JobStatus, **columns: Any) -> dict[str, Any]:
    """Return the column values for the UPDATE that ends a job with this status. An ended job keeps no secret."""
    return {
        "status": status,
        "ended": timezone.now(),
        "token": None,
        "lease_until": None,
        "secret": "",
        **columns,
    }


def complete(steps: JobSteps[Any, Any], result: Any) -> bool:
    """End the job as Completed and update the dependent rows; return False if the job was cancelled or its lease lost.

    A job that was cancelled after its last report ends as Cancelled, as the console promised its user.
    """
    token = steps.job.token
    assert token is not None
    with transaction.atomic():
        ended = (
            Job.objects.leased_by(token)
            .wanted()
            # Set left_behind until the agent has cleaned up, which a crash or an error may delay.
            .update(**ending(JobStatus.COMPLETED, progress=100, left_behind=True))
        )
        if ended:
            steps.completed(result)
    if not ended and (reason := _cancel_reason(token)):
        fail(steps, reason, left_behind=True)
    return bool(ended)


def fail(
    steps: JobSteps[Any, Any],
    reason: str,
    *,
    interrupted: bool = False,
    left_behind: bool = False,
    unrenewed: bool = False,
) -> bool:
    """End the running job as Failed with the reason, or as Cancelled if it was cancelled before.

    Return False if the caller may no longer end the job.

    `interrupted` means that the agent ended, not that anything is wrong with the job itself. Callers without the lease
    pass `unrenewed`: the job ends only if its lease has not been renewed since the job was read.
    """
    token = steps.job.token
    if token is None:
        return False
    with transaction.atomic():
        running = Job.objects.leased_by(token)
        if unrenewed:
            running = running.filter(lease_until=steps.job.lease_until)
        if running.wanted().update(
            **ending(JobStatus.FAILED, failure=reason, interrupted=interrupted, left_behind=left_behind)
        ):
            steps.failed(reason)
            return True
        # Nothing withdraws a cancellation, so a job that is not wanted and still running has a reason.
        cancelled = _cancel_reason(token)
        ended = running.update(**ending(JobStatus.CANCELLED, failure=cancelled, left_behind=left_behind))
        if ended:
            steps.cancelled(cancelled)
    return bool(ended)


def fail_interrupted(steps: JobSteps[Any, Any], *, unrenewed: bool = False) -> bool:
    """End the job as Failed because its agent stopped, unless it was cancelled before; see fail()."""
    return fail(steps, Message("agent.stopped"), interrupted=True, left_behind=True, unrenewed=unrenewed)


class LeaseWatch:
    """Ends the jobs of all hosts whose leases this process has seen unchanged for a lease length.

    It does not matter whose clock wrote `lease_until`, because every agent that is alive changes it. A job without
    `lease_until` never expires.
    """

    def __init__(self) -> None:
        # The time.monotonic() at which each lease was first seen with this `lease_until`.
        self._seen: dict[tuple[uuid.UUID | None, datetime | None], float] = {}

    def fail_expired(self, kinds: JobKinds, now: float) -> int:
        """End every job whose lease has expired and return how many ended. `now` is from time.monotonic()."""
        running = list(Job.objects.running().filter(lease_until__isnull=False).select_related("instance", "host"))
        self._seen = {
            (job.token, job.lease_until): self._seen.get((job.token, job.lease_until), now) for job in running
        }
        length = settings.CONSOLE_LEASE_SECONDS
        expired = [job for job in running if now - self._seen[job.token, job.lease_until] >= length]
        return sum(fail_interrupted(steps_of(job, kinds), unrenewed=True) for job in expired)


def _cancel_reason(token: uuid.UUID) -> str:
    """Return why the running job with this lease was cancelled; "" if it was not, or if the lease is lost."""
    return Job.objects.leased_by(token).values_list("cancel_reason", flat=True).first() or ""
