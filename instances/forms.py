from django import forms
from django.utils.translation import gettext_lazy as _

from console.forms import DialogForm, NameField
from instances.choices import InstanceType


class CreateInstanceForm(DialogForm):
    name = NameField(label=_("DB Instance Name"))
    type = forms.ChoiceField(
        label=_("DB Instance Type"),
        choices=InstanceType.choices,
        initial=InstanceType.REPLICA_SET,
        help_text=_("A label here: every instance is one server process, whatever its type."),
        error_messages={"invalid_choice": _("Choose one of the types in the list.")},
    )
