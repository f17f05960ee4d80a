"""Hosts: ownership by one agent, the hosts that pages show, and the choice of a host for a new instance."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.core.cache import caches
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, OuterRef, Q

from console.lists.counting import CountOf
from instances.listening import LOOPBACK, Listening
from instances.models import Host, Instance, Job
from instances.models.host import is_offline

# A host with less free space for archives, in bytes, gets a new instance only if no other host has more.
LITTLE_SPACE = 1024**3

# How long a process caches the hosts that pages show.
SHARED_SECONDS = 1


# --- One agent per host: enforced by a lock on one machine, by the Host row between machines -----------------------


def take(
    name: str, *, agent: str, before: str, now: datetime, listening: Listening = LOOPBACK, version: str = ""
) -> bool:
    """Make `agent` the host's agent. Return False if the host has another agent with a recent heartbeat.

    `before` is the previous agent, which has certainly ended. `listening` is where the host's instances will listen.
    `version` is that of the agent.
    """
    Host.objects.get_or_create(name=name)
    taken = Host.objects.filter(_is_free(before, now), name=name)
    where = {"db_address": listening.address, "db_tls": listening.tls, "db_alias": listening.alias}
    return bool(taken.update(agent=agent, seen=now, version=version[:32], **where))


def write_heartbeat(name: str, *, agent: str, now: datetime) -> bool:
    """Write a heartbeat. Return False if another agent has taken over the host."""
    return bool(Host.objects.filter(name=name, agent=agent).update(seen=now))


def release(name: str, *, agent: str) -> None:
    """Release the host, so that another agent can take it at once. Keep the last heartbeat."""
    Host.objects.filter(name=name, agent=agent).update(agent="")


def expect(name: str, *, before: str, now: datetime) -> None:
    """Do not show the host as offline while its next agent starts. Until then, jobs wait in the queue.

    This changes nothing if the host has an agent. `before` is as for take().
    """
    Host.objects.filter(_is_free(before, now), name=name).update(seen=None)


def _is_free(before: str, now: datetime) -> Q:
    """Return the condition that a host has no agent. `before` is one that has certainly ended, or ""."""
    return Q(agent__in=["", before]) | Q(seen__isnull=True) | is_offline(now)


# --- The hosts that pages show --------------------------------------------------------------------------------------


def shown() -> list[Host]:
    """Return all hosts by name with `is_needed` (has instances or unended jobs) and `down`.

    `down` is the number of instances, on all hosts together, whose server is down. Every page calls this, so the
    result is cached for SHARED_SECONDS.
    """
    return cast(list[Host], caches["lists"].get_or_set("hosts", _find, SHARED_SECONDS))


def _find() -> list[Host]:
    # Find unended jobs by their status, which few jobs have: a host may have a million jobs that have ended.
    work = Q(pk__in=Job.objects.unended().values("host"))
    need = ExpressionWrapper(Exists(Instance.objects.filter(host=OuterRef("pk"))) | work, BooleanField())
    down = CountOf(Instance.objects.down().order_by().values("pk"))
    hosts: Any = Host.objects.order_by("name")
    return list(hosts.annotate(is_needed=need, down=down))


# --- The host of a new instance -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """A host's load, which decides where a new instance goes. `storage_free` is None if unlimited or unknown."""

    host: str
    instances: int
    storage_free: int | None = None
    storage_failure: str = ""

    @property
    def burden(self) -> tuple[bool, bool, int, float]:
        """The sort key, least loaded first: archives cannot be written, little space, instances, most free space."""
        free = float("inf") if self.storage_free is None else self.storage_free
        return bool(self.storage_failure), free < LITTLE_SPACE, self.instances, -free


def least_loaded(loads: Iterable[Load]) -> str | None:
    """Return the least loaded host, the first by name among equals; None if there are no loads."""
    best = min(loads, key=lambda load: (load.burden, load.host), default=None)
    return best.host if best else None


def online_loads(now: datetime) -> list[Load]:
    """Return the loads of the online hosts, by name."""
    found = Host.objects.online(now).annotate(load=Count("instances")).order_by("name")
    return [Load(*columns) for columns in found.values_list("name", "load", "storage_free", "storage_failure")]
