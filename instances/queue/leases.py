"""The queue: jobs are claimed, leased, renewed and ended here, each by one conditional UPDATE.

Every write of a running job carries the lease's token, so the late word of an agent that lost its lease
changes nothing.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, InterfaceError, OperationalError, connection, connections, transaction
from django.utils import timezone

from console.processes import secrets
from console.text.refused import Refused
from console.text.sentences import sentence as _
from instances.choices import JobKind, JobStatus, Step
from instances.models import Host, Instance, Job
from instances.queue.pace import Amount, Pace, Reading

if TYPE_CHECKING:
    from instances.queue.supervisor import Supervisor


class JobFailed(Exception):
    """The work cannot be done; the message is the reason that people read."""


class LeaseLost(Exception):
    """The job is no longer this agent's: it was ended by somebody else, or the agent is stopping."""


def _nothing(job: Job) -> None:
    pass


def _nothing_started(work: "Work") -> None:
    pass


@dataclass(frozen=True)
class Handler:
    """How one kind of job is done and how it ends.

    `run` works in a thread of the agent, outside any transaction; what it returns is given to `completed`.
    `completed` and `failed` write the rows that follow, in the transaction that writes the job's end;
    `failed` may run in another process than `run` did. `abandon` stops the servers that `run` started if the
    job did not complete; it runs in the same thread, unless the agent died and they with it. `clean_up` then makes
    the files on the job's host agree with the rows, however the job ended; it may run more than once.
    """

    run: Callable[["Work"], Any]
    completed: Callable[[Job, Any], None]
    failed: Callable[[Job, str], None]
    clean_up: Callable[[Job], None] = _nothing
    abandon: Callable[["Work"], None] = _nothing_started


Handlers = Mapping[JobKind, Handler]


def lease_length() -> timedelta:
    return timedelta(seconds=settings.CONSOLE_LEASE_SECONDS)


def enqueue(
    kind: JobKind,
    *,
    host: Host,
    instance: Instance | None,
    requested_by: User | None,
    parameters: dict[str, Any] | None = None,
    secret: str = "",
) -> Job:
    """Write the job's row; belongs into the transaction that changes what the job is about.

    `secret` is a password for the agent: it is sealed for this job, and gone when the job has ended. Raises Refused if
    the host is offline: nothing is promised that nobody is there to do.
    """
    if host.refusal:
        raise Refused(host.refusal)
    id = uuid.uuid4()
    return Job.objects.create(
        id=id,
        secret=secrets.seal(secret, purpose=str(id)) if secret else "",
        kind=kind,
        host=host,
        instance=instance,
        instance_uid=instance.id if instance else "",
        instance_name=instance.name if instance else "",
        requested_by=requested_by,
        parameters=parameters or {},
    )


def secret_of(job: Job) -> str:
    """Return the password that the job was given; empty if it was given none. Raises JobFailed."""
    if not job.secret:
        return ""
    try:
        return secrets.unseal(job.secret, purpose=str(job.pk))
    except secrets.CannotUnseal as error:
        raise JobFailed(
            _(
                "The password cannot be read on this host, because the key that sealed it is missing here. "
                "Give web and agents the same CONSOLE_CREDENTIAL_KEYS, then try again."
            )
        ) from error


def ending(status: JobStatus, **columns: Any) -> dict[str, Any]:
    """Return the columns of a job that ends with this status, for its one UPDATE. No ended job keeps a secret."""
    return {
        "status": status,
        "ended": timezone.now(),
        "token": None,
        "lease_until": None,
        "secret": "",
        **columns,
    }


def claim(host: str, now: datetime) -> Job | None:
    """Take the oldest queued job of the host whose instance has none running; None if there is none.

    Of several that claim at the same time each gets another one. Where the database can (PostgreSQL), the row is
    locked as it is looked up and those that others have locked are passed over; SQLite has one writer at a time.
    """
    busy = Job.objects.running().filter(instance__isnull=False).values("instance")
    queued = Job.objects.filter(host=host, status=JobStatus.QUEUED)
    free = queued.exclude(instance__in=busy).order_by("created", "id")
    if not free.exists():
        # As it mostly is: nothing is locked for that.
        return None
    token = uuid.uuid4()
    try:
        with transaction.atomic():
            locks = connection.features.has_select_for_update_skip_locked
            job = (free.select_for_update(skip_locked=True) if locks else free).first()
            if job is None:
                return None
            # The partial unique constraint is the arbiter between two claims for one instance.
            queued.filter(pk=job.pk).update(
                status=JobStatus.RUNNING, token=token, started=now, lease_until=now + lease_length()
            )
    except IntegrityError:
        return None
    job.refresh_from_db()
    return job


def renew(token: uuid.UUID, now: datetime) -> bool:
    """Prolong the lease; False if it is lost."""
    return bool(Job.objects.held_by(token).update(lease_until=now + lease_length()))


def complete(job: Job, handler: Handler, result: Any) -> bool:
    """End the job as Completed, with the rows that follow from it; False if the lease is lost.

    A job that was cancelled after its last report ends as Failed all the same: that is what was promised.
    """
    assert job.token is not None
    with transaction.atomic():
        ended = (
            Job.objects.held_by(job.token)
            .wanted()
            # Left behind until it has been cleaned up after, which a crash or a fault may put off.
            .update(**ending(JobStatus.COMPLETED, progress=100, left_behind=True))
        )
        if ended:
            handler.completed(job, result)
    if not ended and (reason := _cancel_reason(job.token)):
        fail(job, handler, reason, left_behind=True)
    return bool(ended)


def _cancel_reason(token: uuid.UUID) -> str:
    """Why the running job with this lease has been cancelled; empty if it has not, or is not the caller's any more."""
    return Job.objects.held_by(token).values_list("cancel_reason", flat=True).first() or ""


def cancel(job: Job, handler: Handler, reason: str) -> bool:
    """End the queued job as Failed for the reason, or have the running one do so; False if it has ended already.

    Belongs into a transaction. A running job ends at its next report.
    """
    unwanted = Job.objects.filter(pk=job.pk).wanted()
    if unwanted.filter(status=JobStatus.QUEUED).update(
        **ending(JobStatus.FAILED, failure=reason, cancel_reason=reason)
    ):
        handler.failed(job, reason)
        return True
    return bool(unwanted.running().update(cancel_reason=reason))


def fail(
    job: Job,
    handler: Handler,
    reason: str,
    *,
    interrupted: bool = False,
    left_behind: bool = False,
    expired_at: datetime | None = None,
) -> bool:
    """End the running job as Failed for the reason; False if it is no longer the caller's to end.

    `interrupted` says that its agent ended, and that nothing is known against the work itself.
    With `expired_at` it is ended only if its lease has run out by then: for callers without the lease.
    """
    if job.token is None:
        return False
    with transaction.atomic():
        held = Job.objects.held_by(job.token)
        if expired_at:
            held = held.expired(expired_at)
        ended = held.update(
            **ending(JobStatus.FAILED, failure=reason, interrupted=interrupted, left_behind=left_behind)
        )
        if ended:
            handler.failed(job, reason)
    return bool(ended)


def fail_expired(handlers: Handlers, now: datetime) -> int:
    """End every job whose agent has not renewed its lease; return how many. Any process may do this."""
    reason = _("The agent stopped while this was running.")
    expired = Job.objects.expired(now).select_related("instance", "host")
    return sum(
        fail(
            job,
            handlers[JobKind(job.kind)],
            job.cancel_reason or reason,
            interrupted=not job.cancel_reason,
            left_behind=True,
            expired_at=now,
        )
        for job in expired
    )


class Work:
    """A claimed job in its thread: how the handler reports progress and learns that it must stop."""

    # Progress is for people: two writes a second look alive and cost next to nothing.
    REPORT_EVERY = 0.5

    def __init__(self, job: Job, servers: "Supervisor") -> None:
        self.job = job
        self.servers = servers
        # Nothing is done for it any more.
        self.ended = False
        self._stop_reason: str | None = None
        self._lost = False
        self._told = threading.Event()
        self._reported = 0.0
        self._step: Step | None = None
        self._pace = Pace()

    def lose(self) -> None:
        """The lease is gone: the handler ends at its next report, and nothing more is written."""
        self._lost = True
        self._told.set()

    def stop(self, reason: str) -> None:
        """Ask the handler to end as Failed for the reason, at its next report."""
        self._stop_reason = reason
        self._told.set()

    def wait(self, seconds: float, report: Callable[[], None]) -> None:
        """Let the time pass, reporting meanwhile; so it ends at once with what report() raises."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._told.wait(min(left, self.REPORT_EVERY))
            report()

    def report(self, percent: float, amount: Amount | None = None) -> None:
        """Say how far the work is, and the step that it is at. Raises LeaseLost or JobFailed."""
        if self._lost:
            raise LeaseLost
        if self._stop_reason is not None:
            raise JobFailed(self._stop_reason)
        now = time.monotonic()
        self._measure(now, amount)
        if now - self._reported < self.REPORT_EVERY:
            return
        self._reported = now
        assert self.job.token is not None
        # 100 is for the finished job alone.
        shown = min(int(percent), 99)
        try:
            held = (
                Job.objects.held_by(self.job.token)
                .wanted()
                .update(progress=shown, detail=self._reading(now, amount).to_json() if amount else {})
            )
        except (OperationalError, InterfaceError):
            # Progress is no reason to fail: whether the work is still wanted, the next report learns.
            connections.close_all()
            return
        if not held:
            if reason := _cancel_reason(self.job.token):
                raise JobFailed(reason)
            raise LeaseLost

    def _measure(self, now: float, amount: Amount | None) -> None:
        if amount is None:
            return
        if amount.step is not self._step:
            self._step, self._pace = amount.step, Pace()
        self._pace.add(now, amount.done)

    def _reading(self, now: float, amount: Amount) -> Reading:
        speed, left = self._pace.speed(now), self._pace.left(now, amount.total)
        return Reading(amount.step, amount.done, amount.total, speed, left, at=time.time())
