"""The Create Backup dialog: one base form for all three places, one more with the instance to choose."""

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from backups.models import Backup
from console.forms import DescriptionField, DialogForm, NameField
from instances.choices import InstanceType
from instances.models import Instance


def suggested_name() -> str:
    """A valid name such as backup-7f3a, for people who do not care; names may repeat."""
    return f"backup-{secrets.token_hex(2)}"


class RequestKeyField(forms.UUIDField):
    """Numbers the dialog, so that submitting it twice does the thing once."""

    def __init__(self) -> None:
        super().__init__(
            widget=forms.HiddenInput,
            initial=uuid.uuid4,
            error_messages={"invalid": _("The dialog is damaged. Close it and open it again.")},
        )


class CreateBackupForm(DialogForm):
    """The dialog of an instance's row and of its Backups & Restorations page."""

    name = NameField(label=_("Backup Name"), initial=suggested_name)
    description = DescriptionField(label=_("Description"))
    request_key = RequestKeyField()


if TYPE_CHECKING:
    _InstanceChoiceField = forms.ModelChoiceField[Instance]
else:
    _InstanceChoiceField = forms.ModelChoiceField


class InstanceChoiceField(_InstanceChoiceField):
    def label_from_instance(self, obj: Instance) -> str:
        # Names may repeat; the end of the id tells instances apart.
        return f"{obj.name} ({obj.address})"


class CreateBackupOfAnyForm(CreateBackupForm):
    """The dialog of Backup Management: it chooses among the Available instances of the chosen type."""

    instance_type = forms.ChoiceField(
        label=_("DB Instance Type"),
        choices=InstanceType.choices,
        initial=InstanceType.CLUSTER,
        error_messages={"invalid_choice": _("Choose one of the types in the list.")},
        widget=forms.Select(
            attrs={
                "hx-get": reverse_lazy("backups:instance-options"),
                "hx-trigger": "change",
                "hx-target": "#id_instance_field",
                "hx-swap": "outerHTML",
                "autofocus": True,
            }
        ),
    )
    instance = InstanceChoiceField(
        label=_("DB Instance Name"),
        queryset=Instance.objects.none(),
        empty_label=_("Choose an instance"),
        error_messages={
            "invalid_choice": _("This instance cannot be backed up now. Choose one from the list."),
        },
    )

    field_order = ["instance_type", "instance", "name", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs.pop("autofocus", None)
        chosen = self.data if self.is_bound else self.initial
        self._offer(chosen.get("instance_type") or InstanceType.CLUSTER)

    def _offer(self, kind: str) -> None:
        """Offer the Available instances of the type; with none, say so."""
        field = self.fields["instance"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Instance.objects.available().filter(type=kind).order_by("name", "id")
        if not field.queryset.exists():
            field.empty_label = _("No Available instance of this type")


class RestoreToNewForm(DialogForm):
    """The Restore dialog with Create New Instance: all but the name is the backup's."""

    name = NameField(label=_("DB Instance Name"))
    request_key = RequestKeyField()

    def __init__(self, *args: Any, backup: Backup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Of a valid name, so valid as well, and never the name of the instance that people work with.
        self.fields["name"].initial = f"{backup.instance_name[:50]}-restored-{secrets.token_hex(2)}"


class RestoreToOriginalForm(DialogForm):
    """The Restore dialog with Restore to Original, which overwrites: the instance's name has to be typed."""

    safety_backup = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Back up the present data first"),
        help_text=_("As a manual backup, after the server has stopped. If it fails, nothing is restored."),
    )
    confirm = forms.CharField(
        label=_("Type the name of the instance to confirm"),
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
    )
    request_key = RequestKeyField()

    def __init__(self, *args: Any, backup: Backup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wanted = backup.instance.name if backup.instance else backup.instance_name

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed != self.wanted:
            raise forms.ValidationError(_("Type exactly this name: %(name)s"), params={"name": self.wanted})
        return typed
