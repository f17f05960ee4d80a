from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from console.forms import DialogForm, NameField
from instances.choices import InstanceType
from instances.models import Instance


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
