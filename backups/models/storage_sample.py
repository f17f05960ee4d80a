"""StorageSample: the storage that a host uses, sampled once an hour."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import models
from django.utils import timezone

from console.text import clocks
from instances.models import Host


class Stored(NamedTuple):
    """The figures of one StorageSample: the host's name, and the bytes of its archives and of its instances' data.

    `data` is None if no instance has been measured yet.
    """

    host: str
    archives: int
    data: int | None


class StorageSampleQuerySet(models.QuerySet["StorageSample"]):
    def since(self, moment: datetime) -> list[tuple[datetime, Stored]]:
        """Return the time and the figures of each sample taken from `moment` until now, oldest first."""
        found = self.filter(hour__gte=moment - timedelta(hours=1), taken__gte=moment).order_by("hour")
        found = found.filter(taken__lte=clocks.latest(timezone.now()))
        rows = found.values_list("taken", "host_id", "archives", "data")
        return [(taken, Stored(host, archives, data)) for taken, host, archives, data in rows]


class StorageSample(models.Model):
    """The bytes that a host's archives and its instances' data used at the hour's last sample."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    taken = models.DateTimeField()
    archives = models.BigIntegerField()
    # Null if the host has instances, but none has been measured yet.
    data = models.BigIntegerField(null=True)

    objects = StorageSampleQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hour", "host"], name="storage_sample_one_an_hour")]

    def __str__(self) -> str:
        return f"{self.host_id} {self.hour}"
