"""How `manage.py reset` gets rid of every instance: by the agent where one runs, else by hand in the same order."""

import shutil
import time
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from console.text.refused import Refused
from console.text.sentences import sentence as _
from instances import services
from instances.choices import JobKind
from instances.engines.embedded import process
from instances.homes import instance_home, instance_homes, staging_root
from instances.models import Host, Instance, Job, JobQuerySet
from instances.queue import leases as jobs

_PATIENCE = 120.0
# Others wait for the end of a transaction, and not for long.
_AT_ONCE = 2000
_REMOVALS = [JobKind.DELETE_INSTANCE, JobKind.DELETE_BACKUP]


def hosts_with_agent(here: str, *, running: bool) -> list[str]:
    """The hosts whose agent does what the queue says; of this one the caller knows whether it runs."""
    now = timezone.now()
    others = [host.name for host in Host.objects.exclude(name=here) if host.is_online(now)]
    return [here, *others] if running else others


def empty_by_agents(hosts: list[str], handlers: jobs.Handlers) -> None:
    """Have the agents of these hosts end what they do and delete their instances; wait until that is done.

    Servers are stopped by the agent that started them, before their files go. Raises Refused after two minutes.
    """
    deadline = time.monotonic() + _PATIENCE
    instances, unended = Instance.objects.filter(host__in=hosts), Job.objects.unended().filter(host__in=hosts)
    while instances.exists() or unended.exists():
        end_jobs(Job.objects.filter(host__in=hosts).exclude(kind__in=_REMOVALS), handlers)
        for instance in instances.idle():
            try:
                services.delete_instance(instance=instance, requested_by=None)
            except Refused:
                # What kept it is ending.
                continue
        if time.monotonic() > deadline:
            raise Refused(
                _("The agent has not ended everything within %d seconds. Its log says what it does.") % _PATIENCE
            )
        time.sleep(0.1)


def end_jobs(chosen: JobQuerySet, handlers: jobs.Handlers) -> None:
    """Ask for the end of these jobs, as cancelling does; the agent that runs one sees to it."""
    for job in chosen.unended().wanted():
        with transaction.atomic():
            jobs.cancel(job, handlers[JobKind(job.kind)], _("The console is being emptied."))


def empty_by_hand(here: str, *, locked: bool) -> None:
    """Remove the instances and jobs that are left: no agent has them. `locked` says that none runs here meanwhile.

    A killed agent's servers end by themselves, which is waited for. Raises FilesInUse or OSError.
    """
    left = list(Instance.objects.filter(host=here))
    for instance in left:
        if instance_home(instance.id).exists():
            with process.exclusive(instance_home(instance.id)):
                process.put_aside(instance_home(instance.id))
    # Where this is cut short here, the agent's start removes what has been put aside.
    delete_in_parts(Job.objects.all())
    Instance.objects.all().delete()
    for instance in left:
        process.discard_aside(instance_home(instance.id))
    if locked:
        for leftover in (instance_homes(), staging_root()):
            shutil.rmtree(leftover, ignore_errors=True)


def delete_in_parts(rows: "models.QuerySet[Any]") -> None:
    """Delete so many rows that one transaction would keep others waiting."""
    while part := list(rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        rows.filter(pk__in=part).delete()
