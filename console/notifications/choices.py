from typing import Literal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.text.messages import TEXTS

Tone = Literal["ok", "busy", "warn", "bad"]


class Level(models.TextChoices):
    """How serious an event is, from the least to the most."""

    INFO = "info", gettext_lazy("Info")
    WARNING = "warning", gettext_lazy("Warning")
    ERROR = "error", gettext_lazy("Error")

    def includes(self, other: "Level") -> bool:
        """Return whether the other level is at least this one."""
        levels = list(Level)
        return levels.index(other) >= levels.index(self)

    @property
    def tone(self) -> Tone:
        tones: dict[Level, Tone] = {Level.INFO: "ok", Level.WARNING: "warn", Level.ERROR: "bad"}
        return tones[self]


class EventKind(models.TextChoices):
    BACKUP_FAILED = "backup_failed", TEXTS["label.event_backup_failed"]
    VERIFICATION_FAILED = "verification_failed", TEXTS["label.event_verification_failed"]
    RESTORE_FAILED = "restore_failed", TEXTS["label.event_restore_failed"]
    RESTORE_DONE = "restore_done", TEXTS["label.event_restore_done"]
    UNPROTECTED = "unprotected", TEXTS["label.event_unprotected"]
    HOST_OFFLINE = "host_offline", TEXTS["label.event_host_offline"]
    STORAGE_UNWRITABLE = "storage_unwritable", TEXTS["label.event_storage_unwritable"]
    AUTOMATED_BACKUP = "automated_backup", TEXTS["label.event_automated_backup"]

    @property
    def level(self) -> Level:
        return _LEVELS.get(self, Level.ERROR)

    @property
    def label_code(self) -> str:
        """Return the label's code in TEXTS."""
        return f"label.event_{self.value}"

    @property
    def possible(self) -> bool:
        """False if a setting turns this kind off."""
        return self is not EventKind.UNPROTECTED or settings.CONSOLE_UNPROTECTED_HOURS > 0

    @property
    def choice(self) -> str:
        """Return the label with which people choose this kind for a channel."""
        if self is EventKind.UNPROTECTED and self.possible:
            return _("No Complete backup for %d hours") % settings.CONSOLE_UNPROTECTED_HOURS
        return str(self.label)

    @property
    def heading(self) -> str:
        """Return the title of a message about one such event."""
        return _("Automated backup complete") if self is EventKind.AUTOMATED_BACKUP else self.choice


_LEVELS = {
    EventKind.RESTORE_DONE: Level.INFO,
    EventKind.AUTOMATED_BACKUP: Level.INFO,
    EventKind.UNPROTECTED: Level.WARNING,
}


class DeliveryStatus(models.TextChoices):
    WAITING = "waiting", gettext_lazy("Waiting")
    SENDING = "sending", gettext_lazy("Sending")
    DELIVERED = "delivered", gettext_lazy("Delivered")
    GIVEN_UP = "given_up", gettext_lazy("Given up")

    @property
    def in_progress(self) -> bool:
        return self in {DeliveryStatus.WAITING, DeliveryStatus.SENDING}

    @property
    def tone(self) -> Tone:
        tones: dict[DeliveryStatus, Tone] = {DeliveryStatus.DELIVERED: "ok", DeliveryStatus.GIVEN_UP: "bad"}
        return tones.get(self, "busy")
