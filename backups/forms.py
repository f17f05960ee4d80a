"""The dialogs on backups: Create Backup in its two forms, Edit Description, Modify Backup Policy."""

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from backups.choices import Weekday
from backups.models import (
    EVERY_DAY_BELOW,
    KEEP_DAYS_MAX,
    KEEP_DAYS_MIN,
    KEEP_DAYS_RULE,
    WEEKDAYS_RULE,
    Backup,
    Policy,
    window_label,
)
from console.forms import DescriptionField, DialogForm, NameField
from instances.choices import InstanceType
from instances.models import Instance


def suggested_name() -> str:
    """A valid name such as backup-7f3a, for people who do not care; names may repeat."""
    return f"backup-{secrets.token_hex(2)}"


class CreateBackupForm(DialogForm):
    """The dialog of an instance's row and of its Backups & Restorations page."""

    name = NameField(label=_("Backup Name"), initial=suggested_name)
    description = DescriptionField(label=_("Description"))
    # Numbers the dialog, so that submitting it twice makes one backup.
    request_key = forms.UUIDField(
        widget=forms.HiddenInput,
        initial=uuid.uuid4,
        error_messages={"invalid": _("The dialog is damaged. Close it and open it again.")},
    )


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


class EditDescriptionForm(DialogForm):
    description = DescriptionField(label=_("Description"))

    def __init__(self, data: Any = None, *, backup: Backup) -> None:
        super().__init__(data, initial={"description": backup.description})


class PolicyForm(DialogForm):
    """Modify Backup Policy. Switched off, what the other fields say does not count."""

    enabled = forms.BooleanField(
        label=_("Automated Backup"),
        required=False,
        widget=forms.CheckboxInput(attrs={"role": "switch", "data-switch": True, "autofocus": True}),
    )
    # A text field: one for numbers would lose what was typed when it is shown again with its error.
    keep_days = forms.IntegerField(
        label=_("Retention Period (days)"),
        min_value=KEEP_DAYS_MIN,
        max_value=KEEP_DAYS_MAX,
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "off",
                "data-when-on": True,
                "data-every-day-below": EVERY_DAY_BELOW,
            }
        ),
        help_text=_("1 to 732. Backups that exist already keep the retention they were made with."),
        error_messages={"invalid": KEEP_DAYS_RULE, "min_value": KEEP_DAYS_RULE, "max_value": KEEP_DAYS_RULE},
    )
    window = forms.ChoiceField(
        label=_("Time Window (UTC)"),
        choices=[(window_label(hour), window_label(hour)) for hour in range(24)],
        widget=forms.Select(attrs={"data-when-on": True}),
        error_messages={"invalid_choice": _("Choose a window of one whole hour from the list.")},
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Backup Cycle"),
        choices=Weekday.choices,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"data-when-on": True}),
        help_text=_("At least one day. With a retention of 1 to 6 days a backup is made every day."),
        error_messages={"invalid_choice": _("Choose among the days of the week.")},
    )
    delete_automated = forms.BooleanField(
        label=_("Delete automated backups"),
        required=False,
        widget=forms.CheckboxInput(attrs={"data-when-off": True}),
        help_text=_("Except locked ones. If this is not ticked, they stay until they expire."),
    )

    def __init__(self, data: Any = None, *, policy: Policy) -> None:
        super().__init__(
            data,
            initial={
                "enabled": policy.enabled,
                "keep_days": policy.keep_days,
                "window": policy.window,
                "weekdays": policy.days,
            },
        )
        self.policy = policy

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        if not chosen["enabled"]:
            kept = self.policy
            for name in ("keep_days", "window", "weekdays"):
                self.errors.pop(name, None)
            return {**chosen, "keep_days": kept.keep_days, "start_hour": kept.start_hour, "weekdays": kept.days}
        if chosen.get("keep_days", EVERY_DAY_BELOW) < EVERY_DAY_BELOW:
            chosen["weekdays"] = Weekday.values
            self.errors.pop("weekdays", None)
        elif "weekdays" in chosen and not chosen["weekdays"]:
            self.add_error("weekdays", str(WEEKDAYS_RULE))
        if "window" in chosen:
            chosen["start_hour"] = int(chosen["window"][:2])
        return chosen
