"""BackupTally: how many backups completed and failed, counted by quarter of an hour."""

from datetime import datetime

from django.db import models


class BackupTallyQuerySet(models.QuerySet["BackupTally"]):
    def between(self, start: datetime, end: datetime) -> list[tuple[datetime, tuple[int, int]]]:
        """Return the quarters from `start` up to `end`, each with the numbers of completed and failed backups."""
        rows = self.filter(quarter__gte=start, quarter__lt=end).values_list("quarter", "completed", "failed")
        return [(quarter, (completed, failed)) for quarter, completed, failed in rows]


class BackupTally(models.Model):
    """How many of the backups started in one quarter of an hour completed or failed, deleted ones included.

    A quarter of an hour, because in every time zone days begin at one.
    """

    quarter = models.DateTimeField(primary_key=True)
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    objects = BackupTallyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.quarter}: {self.completed}, {self.failed}"
