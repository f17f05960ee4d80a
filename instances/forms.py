from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from console.accounts.forms import NewPasswordForm
from console.text.messages import TEXTS
from console.web.forms import ConfirmNameField, DialogForm, EditForm, NameField, RequestKeyField
from instances.choices import InstanceType, State
from instances.host_choice import HostChoice
from instances.models import Instance

SET, SKIP = "set", "skip"


class CreateInstanceForm(HostChoice, NewPasswordForm):
    name = NameField(label=_("DB Instance Name"))
    type = forms.ChoiceField(
        label=_("DB Instance Type"),
        choices=InstanceType.choices,
        initial=InstanceType.REPLICA_SET,
        help_text=_(
            "Every instance is one node, whatever its type: a replica set has one member, and a cluster has no shards."
        ),
        error_messages={"invalid_choice": _("Choose one of the types in the list.")},
    )
    host_help = _("The machine that the database server runs on.")
    administrator = forms.ChoiceField(
        label=_("Administrator (rwuser)"),
        choices=[(SET, _("Set password")), (SKIP, _("Skip"))],
        initial=SET,
        required=False,
        widget=forms.RadioSelect,
        help_text=_("Skip: nobody can sign in until the password is set by Reset Password."),
        error_messages={"invalid_choice": _("Set the password or skip it.")},
    )
    demo = forms.BooleanField(
        label=_("Fill it with demo data"),
        required=False,
        help_text=_("About 64 MB, so that you can watch a backup. Creating the instance then takes about a minute."),
    )
    request_key = RequestKeyField()

    field_order = ["name", "type", "host", "administrator", "password", "confirmation", "demo"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = _("Administrator Password")
        if self.is_bound and self.data.get("administrator") == SKIP:
            for name in ("password", "confirmation"):
                self.fields[name].disabled = True
                self.fields[name].required = False
        if Instance.objects.exclude(state=State.CREATION_FAILED).exists():
            # Demo data is for trying out an empty console.
            del self.fields["demo"]


class ResetPasswordForm(NewPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = _("New Password")
        self.fields["password"].widget.attrs["autofocus"] = True


class DeleteInstanceForm(DialogForm):
    """Delete DB Instance. It deletes data, so the user has to type the instance's name."""

    final_backup = forms.BooleanField(
        required=False,
        label=_("Create a final backup"),
        help_text=_("As a manual backup, which stays. If it fails or is cancelled, the instance is not deleted."),
    )
    confirm = ConfirmNameField(label=_("Type the name of the instance to confirm"))

    def __init__(self, *args: Any, instance: Instance, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        confirm, final_backup = self.fields["confirm"], self.fields["final_backup"]
        assert isinstance(confirm, ConfirmNameField)
        confirm.wanted = instance.name
        if instance.is_deployment:
            final_backup.help_text = _(
                "As a manual backup, which stays. If it fails, the instance stays in the console."
            )
        final_backup.initial = not instance.backup_refusal
        # In a submitted form, the service refuses the backup, and the user decides whether to go on without it.
        if instance.backup_refusal and not self.is_bound:
            final_backup.widget.attrs["disabled"] = True
            final_backup.help_text = instance.backup_refusal


class RenameInstanceForm(EditForm):
    name = NameField(label=TEXTS["label.instance_name"])

    def __init__(self, instance: Instance, *args: Any, **kwargs: Any) -> None:
        # The ids must be unique: several rows can be renamed at once, and a dialog also has a field called name.
        values, initial = instance.editable, {"name": instance.name}
        super().__init__(*args, values=values, initial=initial, auto_id=f"rename-{instance.id}-%s", **kwargs)
        self.fields["name"].widget.attrs["aria-label"] = self.fields["name"].label
