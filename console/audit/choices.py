from typing import Literal

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Outcome(models.TextChoices):
    """The outcome of an action: done, refused by a rule or a role, or failed with an error."""

    SUCCEEDED = "succeeded", _("Succeeded")
    REFUSED = "refused", _("Refused")
    FAILED = "failed", _("Failed")

    @property
    def tone(self) -> Literal["ok", "warn", "bad"]:
        tones: dict[Outcome, Literal["ok", "warn", "bad"]] = {
            Outcome.SUCCEEDED: "ok",
            Outcome.REFUSED: "warn",
            Outcome.FAILED: "bad",
        }
        return tones[self]


class ResourceKind(models.TextChoices):
    """The kinds of resources. The audit shows the kind before the resource's own name."""

    INSTANCE = "instance", pgettext_lazy("kind of resource", "instance")
    BACKUP = "backup", pgettext_lazy("kind of resource", "backup")
    USER = "user", pgettext_lazy("kind of resource", "user")
    HOST = "host", pgettext_lazy("kind of resource", "host")
    CHANNEL = "channel", pgettext_lazy("kind of resource", "channel")
    HOOK = "hook", pgettext_lazy("kind of resource", "hook")
