from typing import Any

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from console.forms import DialogForm, NameField, RequestKeyField
from instances import hosts
from instances.choices import InstanceType
from instances.models import Host, Instance


class CreateInstanceForm(DialogForm):
    name = NameField(label=_("DB Instance Name"))
    type = forms.ChoiceField(
        label=_("DB Instance Type"),
        choices=InstanceType.choices,
        initial=InstanceType.REPLICA_SET,
        help_text=_("A label here: every instance is one server process, whatever its type."),
        error_messages={"invalid_choice": _("Choose one of the types in the list.")},
    )
    host = forms.ChoiceField(
        label=_("Host"),
        required=False,
        help_text=_("The machine that the database server runs on. Only programs on that machine can connect to it."),
        error_messages={"invalid_choice": _("This host is offline or has gone. Choose one from the list.")},
    )

    request_key = RequestKeyField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        loads = hosts.online_loads(timezone.now())
        if len(loads) < 2:
            # There is nothing to choose.
            del self.fields["host"]
            return
        field = self.fields["host"]
        assert isinstance(field, forms.ChoiceField)
        automatic = gettext("Least loaded (%(host)s)") % {"host": hosts.least_loaded(loads)}
        field.choices = [("", automatic), *((load.host, _described(load)) for load in loads)]

    @property
    def chosen_host(self) -> Host | None:
        """The host that was chosen; None if the choice is the console's."""
        name = self.cleaned_data.get("host")
        return Host.objects.get(pk=name) if name else None


def _described(load: hosts.Load) -> str:
    instances = ngettext("%d instance", "%d instances", load.instances) % load.instances
    if load.storage_failure:
        room = gettext("archives cannot be written")
    elif load.storage_free is None:
        room = ""
    else:
        room = gettext("%(size)s free for archives") % {"size": filesizeformat(load.storage_free)}
    return f"{load.host}: {', '.join(filter(None, [instances, room]))}"


class RenameInstanceForm(DialogForm):
    name = NameField(label=_("DB Instance Name"))

    def __init__(self, instance: Instance, *args: Any, **kwargs: Any) -> None:
        # Several rows may be renamed at the same time, and a dialog has a field of that name too.
        super().__init__(*args, initial={"name": instance.name}, auto_id=f"rename-{instance.id}-%s", **kwargs)
        self.fields["name"].widget.attrs["aria-label"] = self.fields["name"].label
