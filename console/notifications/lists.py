"""The list of a channel's deliveries: its filter and sorting."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from console.lists.form import ListForm
from console.lists.pages import Sort
from console.notifications.choices import DeliveryStatus


class DeliveryListForm(ListForm):
    list_id = "delivery-list"
    moment = "created"
    sorts = {"created": Sort(F("created"), _("Oldest first"), _("Newest first"), falls=True)}
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
