"""The step of `manage.py reset` that removes every instance: through the agent if it runs, otherwise directly."""

import shutil
import time
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from console.text.messages import Message
from console.text.refused import Refused
from instances import engines, services
from instances.choices import JobKind
from instances.homes import instance_home, instance_homes, staging_root
from instances.models import Host, Instance, Job, JobQuerySet
from instances.queue import requests
from instances.queue.job import JobKinds, steps_of

_PATIENCE = 120.0
# Rows per transaction: few enough that no other writer waits for long.
_AT_ONCE = 2000
_REMOVALS = [JobKind.DELETE_INSTANCE, JobKind.DELETE_BACKUP]


def hosts_with_agent(here: str, *, running: bool) -> list[str]:
    """Return the hosts with an agent. `running` says whether this host's agent runs."""
    now = timezone.now()
    others = [host.name for host in Host.objects.exclude(name=here) if host.is_online(now)]
    return [here, *others] if running else others


def empty_by_agents(hosts: list[str], kinds: JobKinds) -> None:
    """Ask the agents of these hosts to end their jobs and delete their instances, and wait until they have.

    The agent that started a server stops it before deleting its files. Raises Refused after two minutes.
    """
    deadline = time.monotonic() + _PATIENCE
    instances, unended = Instance.objects.filter(host__in=hosts), Job.objects.unended().filter(host__in=hosts)
    while instances.exists() or unended.exists():
        end_jobs(Job.objects.filter(host__in=hosts).exclude(kind__in=_REMOVALS), kinds)
        for instance in instances.idle():
            try:
                services.delete_instance(instance=instance, requested_by=None)
            except Refused:
                # A job is still ending on this instance.
                continue
        if time.monotonic() > deadline:
            raise Refused(Message("reset.agent_busy", seconds=_PATIENCE))
        time.sleep(0.1)


def end_jobs(chosen: JobQuerySet, kinds: JobKinds) -> None:
    """Cancel these jobs: queued jobs at once, running jobs at their next report."""
    for job in chosen.unended().wanted():
        with transaction.atomic():
            requests.cancel(
                job,
                Message("reset.running"),
                cancelled=lambda job, reason: steps_of(job, kinds).cancelled(reason),
            )


def empty_by_hand(here: str, *, locked: bool) -> None:
    """Remove the instances and jobs of hosts without an agent. `locked` says that no agent can start here meanwhile.

    Waits for the servers of a killed agent to end by themselves. Raises FilesInUse or OSError.
    """
    left = list(Instance.objects.filter(host=here))
    for instance in left:
        if instance_home(instance.id).exists():
            with engines.embedded().files.exclusive(instance_home(instance.id)):
                engines.embedded().files.put_aside(instance_home(instance.id))
    # If this is interrupted from here on, the next agent to start removes the files that were put aside.
    delete_in_parts(Job.objects.all())
    Instance.objects.all().delete()
    for instance in left:
        engines.embedded().files.discard_aside(instance_home(instance.id))
    if locked:
        for leftover in (instance_homes(), staging_root()):
            shutil.rmtree(leftover, ignore_errors=True)


def delete_in_parts(rows: "models.QuerySet[Any]") -> None:
    """Delete many rows in several transactions."""
    while part := list(rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        rows.filter(pk__in=part).delete()
