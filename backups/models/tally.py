"""BackupTally: the numbers of completed and failed backups per quarter of an hour."""

from datetime import datetime

from django.db import models


class BackupTallyQuerySet(models.QuerySet["BackupTally"]):
    def between(self, start: datetime, end: datetime) -> list[tuple[datetime, tuple[int, int]]]:
        """Return the quarters from `start` up to `end`, each with the numbers of completed and failed backups."""
        rows = self.filter(quarter__gte=start, quarter__lt=end).values_list("quarter", "completed", "failed")
        return [(quarter, (completed, failed)) for quarter, completed, failed in rows]


class BackupTally(models.Model):
    """The numbers of completed and failed backups, deleted ones included, that started in one quarter of an hour.

    The unit is a quarter of an hour because, in every time zone, each day begins at the start of one.
    """

    quarter = models.DateTimeField(primary_key=True)
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    objects = BackupTallyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.quarter}: {self.completed}, {self.failed}"
