"""Requests of services to the queue, in the service's own transaction: enqueue a job, or cancel one."""

import uuid
from collections.abc import Callable

from django.contrib.auth.models import User

from console.processes import secrets
from console.text.refused import Refused
from console.web import started
from instances.choices import JobKind, JobStatus
from instances.models import Host, Instance, Job
from instances.queue.job import Parameters
from instances.queue.leases import ending

_NONE = Parameters()


def enqueue(
    kind: JobKind,
    *,
    host: Host,
    instance: Instance | None,
    requested_by: User | None,
    parameters: Parameters = _NONE,
    secret: str = "",
) -> Job:
    """Write the job's row. Call this in the transaction that changes the rows the job is about.

    `secret` is a password for the agent, encrypted for this job and deleted when the job ends. Raises Refused if the
    host is offline, because no agent would do the job.
    """
    if host.refusal:
        raise Refused(host.refusal)
    id = uuid.uuid4()
    started.note(id)
    return Job.objects.create(
        id=id,
        secret=secrets.seal(secret, purpose=str(id)) if secret else "",
        kind=kind,
        host=host,
        instance=instance,
        instance_uid=instance.id if instance else "",
        instance_name=instance.name if instance else "",
        requested_by=requested_by,
        parameters=parameters.to_json(),
    )


def cancel(job: Job, reason: str, *, cancelled: Callable[[Job, str], None]) -> bool:
    """End a queued job as Cancelled, or make a running job end so at its next report.

    Return False if the job has ended or was cancelled before. `cancelled` updates the dependent rows of a queued job.
    """
    started.note(job.pk)
    not_cancelled = Job.objects.filter(pk=job.pk).wanted()
    if not_cancelled.filter(status=JobStatus.QUEUED).update(
        **ending(JobStatus.CANCELLED, failure=reason, cancel_reason=reason)
    ):
        cancelled(job, reason)
        return True
    return bool(not_cancelled.running().update(cancel_reason=reason))
