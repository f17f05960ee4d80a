"""The choice of a host in a form, if there is one to choose."""

from typing import Any

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from console.web.forms import DialogForm
from instances import hosts
from instances.models import Host


class HostChoice(DialogForm):
    """A form with a field for the host; without the field if at most one host is online."""

    host = forms.ChoiceField(
        label=_("Host"),
        required=False,
        error_messages={"invalid_choice": _("This host is offline or no longer exists. Choose one from the list.")},
    )
    host_help: Any = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        loads = hosts.online_loads(timezone.now())
        if len(loads) < 2:
            # There is nothing to choose.
            del self.fields["host"]
            return
        field = self.fields["host"]
        assert isinstance(field, forms.ChoiceField)
        field.help_text = self.host_help
        automatic = gettext("Least loaded (%(host)s)") % {"host": hosts.least_loaded(loads)}
        field.choices = [("", automatic), *((load.host, _described(load)) for load in loads)]

    @property
    def chosen_host(self) -> Host | None:
        """The chosen host; None if the console chooses."""
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
