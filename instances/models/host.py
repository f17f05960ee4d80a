"""Host: a machine whose agent runs instances."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from console.text.sentences import SentenceField
from instances import refusals


def offline_after() -> timedelta:
    """A host whose agent has not been heard of for this long is offline: three of its signs of life are missing."""
    return timedelta(seconds=min(15.0, settings.CONSOLE_LEASE_SECONDS))


class HostQuerySet(models.QuerySet["Host"]):
    def offline(self, now: datetime) -> Self:
        """Those whose agent was heard of, and is not any more."""
        return self.filter(seen__lte=now - offline_after())

    def online(self, now: datetime) -> Self:
        return self.filter(seen__gt=now - offline_after())


class Host(models.Model):
    """A machine whose agent runs instances. `seen` is the agent's last sign of life."""

    name = models.CharField(max_length=64, primary_key=True)
    # Null as long as its agent is expected: before its first start, and while `up` starts it.
    seen = models.DateTimeField(null=True, blank=True)
    # The one agent that runs it now, by a word of its own; empty when none does. See hosts.py.
    agent = models.CharField(max_length=32, blank=True)
    # What its agent last found of the backups' storage: the bytes that are free, if there is a limit, and why none
    # can be written there; when nothing is wrong, nothing.
    storage_free = models.BigIntegerField(null=True, blank=True)
    storage_failure = SentenceField(blank=True)
    storage_checked = models.DateTimeField(null=True, blank=True)
    # Where its instances listen, as listening.Listening has it.
    db_address = models.CharField(max_length=255, default="127.0.0.1")
    db_tls = models.BooleanField(default=False)
    db_alias = models.BooleanField(default=False)

    # Where hosts.shown() found it.
    is_needed: bool
    down: int

    objects = HostQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    def is_online(self, now: datetime) -> bool:
        return self.seen is not None and now - self.seen < offline_after()

    @property
    def offline_since(self) -> datetime | None:
        """When its agent was last heard of, if it is not any more."""
        return self.seen if self.seen and not self.is_online(timezone.now()) else None

    @property
    def refusal(self) -> str:
        """A sentence that says why the agent cannot work now; "" if it can, or is expected to start."""
        return refusals.host(self)
