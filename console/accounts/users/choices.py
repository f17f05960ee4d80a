from typing import Literal, Self

from django.contrib.auth.models import User
from django.db import models
from django.utils.translation import gettext_lazy as _


class UserStatus(models.TextChoices):
    ACTIVE = "active", _("Active")
    INACTIVE = "inactive", _("Inactive")

    @classmethod
    def of(cls, account: User) -> Self:
        return cls("active" if account.is_active else "inactive")

    @property
    def tone(self) -> Literal["ok", "warn"]:
        return "ok" if self == UserStatus.ACTIVE else "warn"
