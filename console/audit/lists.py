"""The audit list: its filters, sorting and export."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.lists.columns import Column
from console.lists.csv import Columns
from console.lists.form import ListForm
from console.lists.pages import Sort


class AuditListForm(ListForm):
    list_id = "audit-list"
    moment = "time"
    sorts = {"time": Sort(F("time"), _("Oldest first"), _("Newest first"), falls=True)}
    all_columns = (
        Column("moment", _("Time"), 92, sort="time", time=True),
        Column("user", _("User"), 84),
        Column("trace", _("Trace Name"), 178),
        Column("resource", _("Resource"), 232, flexible=True),
        Column("address", _("Source Address"), 140, yields=1),
        Column("outcome", _("Outcome"), 150, yields=2),
    )
    without_field = ("size", "sort")

    # No search field: the field `resource` takes a whole name or id instead.
    q = None  # type: ignore[assignment]
    user = forms.CharField(required=False, label=_("User"), max_length=150)
    resource = forms.CharField(
        required=False,
        label=_("Resource name or ID"),
        max_length=150,
        widget=forms.TextInput(attrs={"data-shortcut": "/"}),
    )
    outcome = forms.ChoiceField(required=False, label=_("Outcome"), choices=[("", _("All outcomes")), *Outcome.choices])

    field_order = ["user", "resource", "since", "until", "outcome"]

    def narrowings(self, chosen: Mapping[str, Any]) -> Iterator[Q]:
        if user := chosen.get("user"):
            yield Q(user_name=user)
        if outcome := chosen.get("outcome"):
            yield Q(outcome=outcome)

    def searched(self, chosen: Mapping[str, Any]) -> Q | None:
        typed = chosen.get("resource", "\0")
        return Q(resource_id=typed) | Q(resource_name=typed) if typed else None

    def fields_in_sight(self) -> list[forms.BoundField]:
        """Return all filters: the audit's toolbar hides none behind a button."""
        return [self[name] for name in self.field_order]


# Programs read these headings, so they are the same in every language.
AUDIT_COLUMNS: Columns[AuditEvent] = [
    ("time", lambda event: event.time.isoformat()),
    ("user", lambda event: event.user_name),
    ("trace", lambda event: event.trace),
    ("resource_type", lambda event: event.resource_type),
    ("resource_id", lambda event: event.resource_id),
    ("resource_name", lambda event: event.resource_name),
    ("address", lambda event: event.address),
    ("outcome", lambda event: event.outcome),
    ("reason", lambda event: event.reason),
    ("details", lambda event: event.details),
]
