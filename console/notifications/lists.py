"""The list of a channel's deliveries: its filter and sorting."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from console.lists.columns import Column, place
from console.lists.form import ListForm
from console.lists.pages import Sort
from console.notifications.choices import DeliveryStatus

# The table of channels. It has no menu: users always see all its columns that have space.
CHANNEL_COLUMNS = place(
    (
        Column("name", _("Name"), 212, flexible=True),
        Column("events", _("Events"), 200, yields=2),
        Column("minimum", _("Minimum Level"), 100, yields=1),
        Column("enabled", _("Enabled"), 76),
        Column("delivery", _("Last Delivery"), 132),
        Column("operations", _("Operation"), 142, menu=True),
    ),
    chosen={},
)


class DeliveryListForm(ListForm):
    list_id = "delivery-list"
    moment = "created"
    sorts = {"created": Sort(F("created"), _("Oldest first"), _("Newest first"), falls=True)}
    all_columns = (
        Column("event", _("Event"), 212, flexible=True),
        Column("status", _("Status"), 172),
        Column("attempts", _("Attempts"), 84, yields=1, number=True),
        Column("created", _("Created"), 92, sort="created", time=True),
        Column("due", _("Next Attempt"), 92, yields=2, time=True),
        Column("ended", _("Ended"), 92, yields=3, time=True),
    )
    without_field = ("size", "sort")

    # Deliveries have no names.
    q = None  # type: ignore[assignment]
    status = forms.ChoiceField(
        required=False, label=_("Status"), choices=[("", _("All statuses")), *DeliveryStatus.choices]
    )

    field_order = ["since", "until", "status"]

    def narrowings(self, chosen: Mapping[str, Any]) -> Iterator[Q]:
        if status := chosen.get("status"):
            yield Q(status=status)

    def searched(self, chosen: Mapping[str, Any]) -> Q | None:
        return None

    def fields_in_sight(self) -> list[forms.BoundField]:
        """Return all filters: the toolbar hides none behind a button."""
        return [self[name] for name in self.field_order]
