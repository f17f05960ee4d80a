"""The types, methods and statuses of backups and restorations: labels for people, values for the API."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from console.text.messages import TEXTS
from instances.choices import Tone


class Weekday(models.IntegerChoices):
    """ISO weekday numbers."""

    MONDAY = 1, TEXTS["label.monday"]
    TUESDAY = 2, TEXTS["label.tuesday"]
    WEDNESDAY = 3, TEXTS["label.wednesday"]
    THURSDAY = 4, TEXTS["label.thursday"]
    FRIDAY = 5, TEXTS["label.friday"]
    SATURDAY = 6, TEXTS["label.saturday"]
    SUNDAY = 7, TEXTS["label.sunday"]


class BackupType(models.TextChoices):
    MANUAL = "Manual", _("Manual")
    AUTOMATED = "Auto", _("Automated")


class BackupMethod(models.TextChoices):
    PHYSICAL = "Physical", _("Physical")
    LOGICAL = "Logical", _("Logical")


class BackupStatus(models.TextChoices):
    BUILDING = "BUILDING", TEXTS["label.backing_up"]
    COMPLETED = "COMPLETED", TEXTS["label.backup_complete"]
    FAILED = "FAILED", TEXTS["label.backup_failed"]
    DELETING = "DISABLED", TEXTS["label.deleting"]
    CANCELLED = "CANCELLED", TEXTS["label.backup_cancelled"]

    @property
    def tone(self) -> Tone:
        tones: dict[BackupStatus, Tone] = {
            BackupStatus.BUILDING: "busy",
            BackupStatus.COMPLETED: "ok",
            BackupStatus.FAILED: "bad",
            BackupStatus.DELETING: "busy",
            BackupStatus.CANCELLED: "neutral",
        }
        return tones[self]

    @property
    def in_progress(self) -> bool:
        return self.tone == "busy"


class RestorationWay(models.TextChoices):
    NEW = "new", _("Create New Instance")
    ORIGINAL = "original", _("Restore to Original")
    DEPLOYMENT = "deployment", _("Restore to Deployment")


class RestorationStatus(models.TextChoices):
    RUNNING = "RUNNING", _("Restoring")
    COMPLETED = "COMPLETED", pgettext_lazy("restoration", "Complete")
    FAILED = "FAILED", pgettext_lazy("restoration", "Failed")
    CANCELLED = "CANCELLED", pgettext_lazy("restoration", "Cancelled")

    @property
    def tone(self) -> Tone:
        tones: dict[RestorationStatus, Tone] = {
            RestorationStatus.RUNNING: "busy",
            RestorationStatus.COMPLETED: "ok",
            RestorationStatus.FAILED: "bad",
            RestorationStatus.CANCELLED: "neutral",
        }
        return tones[self]

    @property
    def in_progress(self) -> bool:
        return self.tone == "busy"
