"""DataSample: the size of an instance's data, sampled once an hour and kept for each day."""

from datetime import datetime
from typing import Self

from django.db import models

from console.text import clocks


class DataSampleQuerySet(models.QuerySet["DataSample"]):
    def of(self, instance_uid: str) -> Self:
        return self.filter(instance_uid=instance_uid)

    def between(self, start: datetime, now: datetime) -> list[tuple[datetime, int]]:
        """Return the time and the size of each sample taken from `start` until now, oldest first."""
        found = self.filter(taken__gte=start, taken__lte=clocks.latest(now)).order_by("day")
        return list(found.values_list("taken", "data"))


class DataSample(models.Model):
    """The bytes that an instance's data used at the last sample of a day in UTC."""

    # No foreign key: the agent may sample an instance while another job deletes it.
    instance_uid = models.CharField(max_length=36)
    day = models.DateField()
    taken = models.DateTimeField()
    data = models.BigIntegerField()

    objects = DataSampleQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["day"], name="data_sample_day")]
        constraints = [models.UniqueConstraint(fields=["instance_uid", "day"], name="data_sample_one_a_day")]

    def __str__(self) -> str:
        return f"{self.instance_uid} {self.day}"
