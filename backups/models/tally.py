"""BackupTally: how many backups completed and failed, counted by quarter of an hour."""

from datetime import datetime

from django.db import models


class BackupTallyQuerySet(models.QuerySet["BackupTally"]):
    def between(self, start: datetime, end: datetime) -> list[tuple[datetime, tuple[int, int]]]:
        """Moments from `start` to before `end`, each with how many were completed and how many failed."""
        rows = self.filter(quarter__gte=start, quarter__lt=end).values_list("quarter", "completed", "failed")
        return [(quarter, (completed, failed)) for quarter, completed, failed in rows]


class BackupTally(models.Model):
    """How many backups that were started in a quarter of an hour were completed or failed, whether they are still there
    or not. A quarter, because in every zone a day begins at one.
    """

    quarter = models.DateTimeField(primary_key=True)
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    objects = BackupTallyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.quarter}: {self.completed}, {self.failed}"
