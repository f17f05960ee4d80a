"""UserSession: the sessions of signed-in users. UserPreferences. FailedAttempts: counts of wrong passwords."""

import hashlib

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class UserSession(AbstractBaseSession):
    """A session and the details that its user can see. Only console.accounts.sessions writes rows."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="sessions"
    )
    address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    seen = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-seen", "-created"]

    def __str__(self) -> str:
        return self.public_id

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        from console.accounts.sessions import SessionStore

        return SessionStore

    @property
    def public_id(self) -> str:
        """Return an id for URLs and logs, where the session key would let anybody sign in."""
        return hashlib.sha256(self.session_key.encode()).hexdigest()[:32]

    @property
    def browser(self) -> str:
        """Return the browser and operating system that the browser reports, or "" if it reports none."""
        return describe_user_agent(self.user_agent)


class Theme(models.TextChoices):
    SYSTEM = "system", _("System")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class UserPreferences(models.Model):
    """How a user wants to see the console. A user who has chosen nothing has no row."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="preferences"
    )
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    # A name from the tz database; empty for the zone of each browser.
    time_zone = models.CharField(max_length=64, blank=True)
    # The columns chosen for each list: see console.lists.chosen.
    columns = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(theme__in=Theme.values), name="preferences_theme_known")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class FailedAttempts(models.Model):
    """The count of failed attempts from one address with one name or, if the name is "", with all names together.

    Only console.accounts.throttle writes rows.
    """

    name = models.CharField(max_length=150)
    # An IPv6 network is longer than an address.
    address = models.CharField(max_length=43)
    failures = models.PositiveIntegerField(default=0)
    # When the count starts again. A count that has reached its limit locks until then.
    ends = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "address"], name="failed_attempts_counted_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.address}".strip()


# Browsers built on another browser name it too, so they come first.
_BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrom": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iPadOS",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


def describe_user_agent(text: str) -> str:
    """Return browser and system, such as "Firefox · Linux", or another program's own name, such as "curl"."""
    found = [next((name for mark, name in names.items() if mark in text), "") for names in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, found)) or text.split("/")[0][:40]
