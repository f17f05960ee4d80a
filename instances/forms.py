from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from console.forms import DialogForm, NameField
from instances.choices import InstanceType, Status
from instances.models import Instance, InstanceQuerySet


class CreateInstanceForm(DialogForm):
    name = NameField(label=_("DB Instance Name"))
    type = forms.ChoiceField(
        label=_("DB Instance Type"),
        choices=InstanceType.choices,
        initial=InstanceType.REPLICA_SET,
        help_text=_("A label here: every instance is one server process, whatever its type."),
        error_messages={"invalid_choice": _("Choose one of the types in the list.")},
    )


class RenameInstanceForm(DialogForm):
    name = NameField(label=_("DB Instance Name"))

    def __init__(self, instance: Instance, *args: Any, **kwargs: Any) -> None:
        # Several rows may be renamed at the same time, and a dialog has a field of that name too.
        super().__init__(*args, initial={"name": instance.name}, auto_id=f"rename-{instance.id}-%s", **kwargs)
        self.fields["name"].widget.attrs["aria-label"] = self.fields["name"].label


class InstanceFilterForm(forms.Form):
    """The toolbar of Instance Management; the type is chosen by its tabs. A value it does not know filters nothing."""

    q = forms.CharField(required=False, label=_("Search by name or ID"), max_length=64)
    type = forms.ChoiceField(required=False, choices=InstanceType.choices, widget=forms.HiddenInput)
    status = forms.ChoiceField(
        required=False,
        label=_("Status"),
        choices=[("", _("All statuses")), *((status.code, status.label) for status in Status)],
    )

    def apply(self, instances: InstanceQuerySet) -> InstanceQuerySet:
        self.is_valid()
        chosen = self.cleaned_data
        if text := chosen.get("q"):
            instances = instances.filter(Q(id=text) | Q(name__istartswith=text))
        if kind := chosen.get("type"):
            instances = instances.filter(type=kind)
        if code := chosen.get("status"):
            instances = instances.with_status(next(status for status in Status if status.code == code))
        return instances
