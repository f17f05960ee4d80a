"""The dialogs on backups: Create Backup in its two forms, Edit Description, Modify Backup Policy."""

import secrets
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backups.choices import Weekday
from backups.models import Backup, Policy, window_label
from backups.models.policy import EVERY_DAY_BELOW, KEEP_DAYS_MAX, KEEP_DAYS_MIN, KEEP_DAYS_RULE, WEEKDAYS_RULE
from console.accounts.forms import NewPasswordForm
from console.lists.keys import NameKey, is_id, opaque, search
from console.web.forms import DescriptionField, DialogForm, NameField, RequestKeyField
from instances.choices import InstanceType
from instances.models import Host, Instance, is_available

# How many instances the dialog offers at once.
OFFERED = 100

_NARROWS = {
    "hx-get": reverse_lazy("backups:instance-options"),
    "hx-include": "[name=instance_type], [name=instance_search], [name=instance]",
    "hx-target": "#id_instance_field",
    "hx-swap": "outerHTML",
    "hx-sync": "#dialog-content:replace",
}


def suggested_name() -> str:
    """A valid name such as backup-7f3a, for people who do not care; names may repeat."""
    return f"backup-{secrets.token_hex(2)}"


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
                **_NARROWS,
                "hx-trigger": "change",
                "autofocus": True,
            }
        ),
    )
    # There only where the names are too many to offer them all.
    instance_search = forms.CharField(
        required=False,
        label=_("Search by name or ID"),
        help_text=_("Type the beginning of the name to choose among the instances that have it."),
        widget=forms.TextInput(
            attrs={
                **_NARROWS,
                "type": "search",
                "hx-trigger": "input changed delay:250ms, search",
                "autocomplete": "off",
                "spellcheck": "false",
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

    field_order = ["instance_type", "instance_search", "instance", "name", "description"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs.pop("autofocus", None)
        chosen = self.data if self.is_bound else self.initial
        if Instance.objects.order_by()[: OFFERED + 1].count() <= OFFERED:
            del self.fields["instance_search"]
        kind = chosen.get("instance_type") or InstanceType.CLUSTER
        self._offer(
            kind if kind in InstanceType.values else "",
            chosen.get("instance_search", "").strip() if "instance_search" in self.fields else "",
            chosen.get("instance"),
        )

    @property
    def narrows_after(self) -> str:
        """The field that the button of pages without JavaScript stands after, which narrows the names."""
        return "instance_search" if "instance_search" in self.fields else "instance_type"

    def _offer(self, kind: str, text: str, chosen: str | None) -> None:
        """Take any Available instance of the type, but offer no more than the first so many, by name."""
        field = self.fields["instance"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Instance.objects.available().filter(type=kind)
        offered = offer(kind, text)
        if chosen and is_id(chosen) and chosen not in {instance.pk for instance in offered}:
            # What has been chosen stays chosen when the search is another by now.
            offered = [*field.queryset.select_related("host").filter(pk=chosen), *offered]
        if not offered:
            empty = gettext("No Available instance matches") if text else gettext("No Available instance of this type")
        elif len(offered) < OFFERED:
            empty = gettext("Choose an instance")
        else:
            empty = gettext("Choose an instance (the first %(number)d are offered)") % {"number": OFFERED}
        choices = [(instance.pk, field.label_from_instance(instance)) for instance in offered]
        field.widget.choices = [("", empty), *choices]


def offer(kind: str, text: str) -> list[Instance]:
    """The first Available instances of the type by name, of those that have the id or a name that begins so."""
    found = (
        Instance.objects.select_related("host").filter(type=kind).annotate(key=NameKey("name")).order_by("key", "id")
    )
    if text:
        found = found.filter(search(text))
    # Most are Available: going by name soon finds enough of them, going by status would have to sort them all.
    offline = list(Host.objects.offline(timezone.now()).values_list("name", flat=True))
    return list(found.filter(opaque(is_available() & ~Q(host__in=offline)))[:OFFERED])


class RestoreToNewForm(NewPasswordForm):
    """The Restore dialog with Create New Instance: a name, and a password unless the backup's is to stay."""

    name = NameField(label=_("DB Instance Name"))
    request_key = RequestKeyField()

    field_order = ["name", "password", "confirmation"]

    def __init__(self, *args: Any, backup: Backup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = _("New Password (optional)")
        for name in ("password", "confirmation"):
            self.fields[name].required = False
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
