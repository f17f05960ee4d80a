"""The forms of the Restore dialog."""

import secrets
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backups.forms.create import InstanceChoiceField
from backups.models import Backup
from backups.placement import empty_targets
from console.accounts.forms import NewPasswordForm
from console.web.forms import ConfirmNameField, DialogForm, NameField, RequestKeyField
from instances.models import Instance


class RestoreToNewForm(NewPasswordForm):
    """The Restore dialog with Create New Instance: a name, and optionally a password that replaces the backup's."""

    name = NameField(label=_("DB Instance Name"))
    request_key = RequestKeyField()

    field_order = ["name", "password", "confirmation"]

    def __init__(self, *args: Any, backup: Backup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].label = _("New Password (optional)")
        for name in ("password", "confirmation"):
            self.fields[name].required = False
        # Never suggest the name of the instance that people work with.
        self.fields["name"].initial = f"{backup.instance_name[:50]}-restored-{secrets.token_hex(2)}"


class RestoreToOriginalForm(DialogForm):
    """The Restore dialog with Restore to Original. It overwrites data, so the user has to type the instance's name."""

    safety_backup = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Back up current data first"),
        help_text=_("As a manual backup, after the server has stopped. If it fails, nothing is restored."),
    )
    confirm = ConfirmNameField(label=_("Type the name of the instance to confirm"))
    request_key = RequestKeyField()

    def __init__(self, *args: Any, backup: Backup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        confirm = self.fields["confirm"]
        assert isinstance(confirm, ConfirmNameField)
        confirm.wanted = backup.instance.name if backup.instance else backup.instance_name
        if backup.is_logical:
            self.fields["safety_backup"].help_text = _("As a manual backup. If it fails, nothing is restored.")


class TargetField(InstanceChoiceField):
    def label_from_instance(self, obj: Instance) -> str:
        return f"{obj.name} ({obj.address})"


class RestoreToDeploymentForm(DialogForm):
    """The Restore dialog with Restore to Deployment, which offers the deployments that may be empty."""

    target = TargetField(
        label=_("DB Instance Name"),
        queryset=Instance.objects.none(),
        empty_label=_("Choose an instance"),
        error_messages={
            "invalid_choice": _("The backup cannot be restored to this instance now. Choose one from the list."),
        },
    )
    request_key = RequestKeyField()

    def __init__(self, *args: Any, backup: Backup, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        target = self.fields["target"]
        assert isinstance(target, TargetField)
        target.error_messages["required"] = _("Choose an instance.")
        target.queryset = empty_targets(backup).exclude(pk=backup.instance_uid).shown().order_by("name", "id")

    @property
    def offers_any(self) -> bool:
        """Whether there is a deployment to choose."""
        target = self.fields["target"]
        assert isinstance(target, TargetField) and target.queryset is not None
        return target.queryset.exists()
