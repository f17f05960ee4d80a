"""Host: a machine whose agent runs instances."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from console.text import clocks
from console.text.messages.fields import MessageField
from instances import refusals


def offline_after() -> timedelta:
    """Return how long after its last heartbeat a host counts as offline: at least three heartbeats are missing."""
    return timedelta(seconds=min(15.0, settings.CONSOLE_LEASE_SECONDS))


def is_offline(now: datetime) -> Q:
    """Return the condition that a host's last heartbeat is too old, or in the future and therefore unknown."""
    return Q(seen__lte=now - offline_after()) | Q(seen__gt=clocks.latest(now))


class HostQuerySet(models.QuerySet["Host"]):
    def offline(self, now: datetime) -> Self:
        """Return the hosts whose agent has stopped responding."""
        return self.filter(is_offline(now))

    def online(self, now: datetime) -> Self:
        return self.filter(seen__gt=now - offline_after(), seen__lte=clocks.latest(now))


class Host(models.Model):
    """A machine whose agent runs instances. `seen` is the agent's last heartbeat."""

    name = models.CharField(max_length=64, primary_key=True)
    # Null while the agent is expected to start: before its first start, and while `up` starts it.
    seen = models.DateTimeField(null=True, blank=True)
    # A random token of the one agent that runs the host now; empty if there is none. See hosts.py.
    agent = models.CharField(max_length=32, blank=True)
    # The agent's last check of the backup storage: free bytes (null if unlimited or unknown), and the reason if
    # archives cannot be written.
    storage_free = models.BigIntegerField(null=True, blank=True)
    storage_failure = MessageField(blank=True)
    storage_checked = models.DateTimeField(null=True, blank=True)
    # The console's version that the agent runs; empty if unknown.
    version = models.CharField(max_length=32, blank=True)
    # Where the instances listen: see listening.Listening.
    db_address = models.CharField(max_length=255, default="127.0.0.1")
    db_tls = models.BooleanField(default=False)
    db_alias = models.BooleanField(default=False)

    # Set by hosts.shown() only.
    is_needed: bool
    down: int

    objects = HostQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def is_online(self, now: datetime) -> bool:
        return self.seen is not None and now - self.seen < offline_after() and not clocks.is_ahead(self.seen, now)

    @property
    def offline_since(self) -> datetime | None:
        """The last heartbeat, if the host is offline."""
        return self.seen if self.seen and not self.is_online(timezone.now()) else None

    @property
    def refusal(self) -> str:
        """A sentence that says why the agent cannot work now; "" if it can or is expected to start."""
        return refusals.host(self)
