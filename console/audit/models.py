"""AuditEvent: who did what to which resource. Rows are only ever added."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from console.audit.choices import Outcome, ResourceKind
from console.text.messages.fields import MessageField


class AppendOnly(Exception):
    """Somebody tried to change what is only ever added to."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Audit events are never changed.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Audit events are never changed.")

    def bulk_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        # It can be told to overwrite.
        raise AppendOnly("Audit events are added one by one.")

    def delete(self) -> NoReturn:
        raise AppendOnly("Audit events are never deleted.")


class AuditEvent(models.Model):
    """One action of a user, or of the console itself (no user). Names are copied: they outlive what they name."""

    time = models.DateTimeField(default=timezone.now, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # At a failed sign-in the name that was typed.
    user_name = models.CharField(max_length=150, blank=True)
    trace = models.CharField(max_length=64)
    resource_type = models.CharField(max_length=32, blank=True)
    resource_id = models.CharField(max_length=64, blank=True)
    resource_name = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    reason = MessageField(blank=True)

    # Its page, where a list has looked it up.
    resource_url = ""

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-time", "-id"]
        indexes = [
            models.Index(fields=["-time", "-id"], name="audit_newest"),
            models.Index(fields=["user_name", "-time", "-id"], name="audit_newest_of_user"),
            models.Index(fields=["outcome", "-time", "-id"], name="audit_newest_of_outcome"),
            models.Index(fields=["resource_id", "-time", "-id"], name="audit_newest_of_id"),
            models.Index(fields=["resource_name", "-time", "-id"], name="audit_newest_of_name"),
        ]
        constraints = [models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="audit_outcome_known")]

    def __str__(self) -> str:
        return f"{self.trace} {self.resource_id}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("Audit events are never changed.")
        # With the id of another event too it is an addition, and fails.
        super().save(*args, **kwargs | {"force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Audit events are never deleted.")

    @property
    def kind(self) -> str:
        """What the resource is, in the reader's language; the exports have its code."""
        try:
            return str(ResourceKind(self.resource_type).label)
        except ValueError:
            return self.resource_type

    @property
    def result(self) -> Outcome:
        """The outcome as the member it is, with its label and tone."""
        return Outcome(self.outcome)
