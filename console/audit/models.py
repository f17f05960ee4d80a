"""AuditEvent: one action on a resource. Rows are only added, never changed or deleted."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from console.audit.choices import Outcome, ResourceKind
from console.text.messages.fields import MessageField


class AppendOnly(Exception):
    """Code tried to change or delete audit events, or to add them in bulk."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Audit events are never changed.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Audit events are never changed.")

    def bulk_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        # bulk_create() can overwrite rows.
        raise AppendOnly("Audit events are added one by one.")

    def delete(self) -> NoReturn:
        raise AppendOnly("Audit events are never deleted.")


class AuditEvent(models.Model):
    """One action of a user, or of the console itself (no user). Names are copied, to survive their rows."""

    time = models.DateTimeField(default=timezone.now, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # After a failed sign-in, the name that was typed.
    user_name = models.CharField(max_length=150, blank=True)
    trace = models.CharField(max_length=64)
    resource_type = models.CharField(max_length=32, blank=True)
    resource_id = models.CharField(max_length=64, blank=True)
    resource_name = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    reason = MessageField(blank=True)
    # What an edit changed, from which value to which.
    details = MessageField(blank=True)

    # The URL of the resource's page. link_resources() sets it for lists.
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
        # With force_insert, saving under the id of another event fails instead of changing that event.
        super().save(*args, **kwargs | {"force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("Audit events are never deleted.")

    @property
    def kind(self) -> str:
        """Return the kind of the resource in the viewer's language. Exports have its code."""
        try:
            return str(ResourceKind(self.resource_type).label)
        except ValueError:
            return self.resource_type

    @property
    def result(self) -> Outcome:
        """Return the outcome as a member of Outcome, which has a label and a tone."""
        return Outcome(self.outcome)
