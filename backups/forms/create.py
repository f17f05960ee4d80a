"""The Create Backup dialog, for one instance or for any."""

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backups.choices import BackupMethod
from backups.unavailable import unavailable
from console.lists.keys import NameKey, opaque
from console.lists.search import is_id, search
from console.web.forms import DescriptionField, DialogForm, NameField, RequestKeyField
from instances.choices import InstanceType
from instances.models import Host, Instance, InstanceQuerySet, is_available

# The dialog offers at most this many instances at once.
OFFERED = 100

_NARROWS = {
    "hx-get": reverse_lazy("backups:instance-options"),
    "hx-include": "[name=instance_type], [name=instance_search], [name=instance]",
    "hx-target": "#id_instance_field",
    "hx-swap": "outerHTML",
    "hx-sync": "#dialog-content:replace",
}


def suggested_name() -> str:
    """Return a valid name such as backup-7f3a. Names may repeat."""
    return f"backup-{secrets.token_hex(2)}"


class CreateBackupForm(DialogForm):
    """The dialog of an instance's row and its Backups & Restorations page."""

    name = NameField(label=_("Backup Name"), initial=suggested_name)
    description = DescriptionField(label=_("Description"))
    request_key = RequestKeyField()


if TYPE_CHECKING:
    _InstanceChoiceField = forms.ModelChoiceField[Instance]
else:
    _InstanceChoiceField = forms.ModelChoiceField


class InstanceChoiceField(_InstanceChoiceField):
    def label_from_instance(self, obj: Instance) -> str:
        # Names may repeat; addresses do not.
        if not obj.is_deployment:
            return f"{obj.name} ({obj.address})"
        return f"{obj.name} ({obj.address}) · {BackupMethod.LOGICAL.label}: {obj.deployment.consistency}"


class CreateBackupOfAnyForm(CreateBackupForm):
    """The dialog of Backup Management, which offers the Available instances of the chosen type."""

    instance_type = forms.ChoiceField(
        label=_("DB Instance Type"),
        choices=InstanceType.choices,
        error_messages={"invalid_choice": _("Choose one of the types in the list.")},
        widget=forms.Select(
            attrs={
                **_NARROWS,
                "hx-trigger": "change",
                "autofocus": True,
            }
        ),
    )
    # __init__() removes this field if the dialog can offer all instances.
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

    def __init__(self, *args: Any, tab: str = "", **kwargs: Any) -> None:
        """Choose a type that has an Available instance, the type `tab` first, unless the user has chosen one."""
        super().__init__(*args, **kwargs)
        self._offline = offline_hosts()
        self.has_choice = self.is_bound or "instance_type" in self.initial
        if not self.has_choice:
            usable = [type for type in sorted(InstanceType.values, key=tab.__ne__) if self._is_usable(type)]
            self.has_choice = bool(usable)
            self.initial["instance_type"] = [*usable, InstanceType.CLUSTER][0]
        self.fields["name"].widget.attrs.pop("autofocus", None)
        self.fields["instance"].error_messages["required"] = _("Choose an instance.")
        chosen = self.data if self.is_bound else self.initial
        if Instance.objects.order_by()[: OFFERED + 1].count() <= OFFERED:
            del self.fields["instance_search"]
        instance_type = chosen.get("instance_type") or ""
        self._offer(
            instance_type if instance_type in InstanceType.values else "",
            chosen.get("instance_search", "").strip() if "instance_search" in self.fields else "",
            chosen.get("instance"),
        )

    @property
    def nothing_available(self) -> str:
        """Why there is no instance to choose, whatever the type; "" if there is one."""
        if self.has_choice:
            return ""
        if not Instance.objects.exists():
            return gettext("There is no DB instance yet. Create one, then back it up.")
        return gettext("No DB instance can be backed up now: %(instances)s.") % {
            "instances": unavailable(self._offline)
        }

    def _is_usable(self, instance_type: str) -> bool:
        return available(instance_type, self._offline).exists()

    @property
    def narrows_after(self) -> str:
        """The name of the field before the button that narrows the list of instances without JavaScript."""
        return "instance_search" if "instance_search" in self.fields else "instance_type"

    def _offer(self, instance_type: str, text: str, chosen: str | None) -> None:
        """Accept any Available instance of the type, but offer only the first OFFERED by name."""
        field = self.fields["instance"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Instance.objects.ready_for_backup().filter(type=instance_type)
        offered = list(available(instance_type, self._offline, text)[:OFFERED])
        if chosen and is_id(chosen) and chosen not in {instance.pk for instance in offered}:
            # Keep the chosen instance when the search changes.
            offered = [*field.queryset.shown().filter(pk=chosen), *offered]
        if not offered:
            empty = gettext("No Available instance matches") if text else gettext("No Available instance of this type")
        elif len(offered) < OFFERED:
            empty = gettext("Choose an instance")
        else:
            empty = gettext("Choose an instance (the first %(number)d are offered)") % {"number": OFFERED}
        if not text and (others := unavailable(self._offline, instance_type)):
            field.help_text = gettext("Not offered: %(instances)s.") % {"instances": others}
        choices = [(instance.pk, field.label_from_instance(instance)) for instance in offered]
        field.widget.choices = [("", empty), *choices]


def available(instance_type: str, offline: Iterable[str], text: str = "") -> InstanceQuerySet:
    """Return the Available instances of the type by name. `text` is an id or the beginning of a name."""
    found = Instance.objects.shown().filter(type=instance_type).annotate(key=NameKey("name")).order_by("key", "id")
    if text:
        found = found.filter(search(text))
    # Most instances are Available: reading by name soon finds enough, while reading by status would sort them all.
    # The join costs nothing: shown() has it anyway.
    unready = Q(deployment__ways=[], deployment__any_moment=False)
    return found.filter(opaque(is_available() & ~Q(host__in=offline))).exclude(unready)


def offline_hosts() -> list[str]:
    return list(Host.objects.offline(timezone.now()).values_list("name", flat=True))
