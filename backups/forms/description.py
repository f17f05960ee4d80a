"""The Edit Description dialog."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from backups.models import Backup
from console.web.forms import DescriptionField, DialogForm


class EditDescriptionForm(DialogForm):
    description = DescriptionField(label=_("Description"))

    def __init__(self, data: Any = None, *, backup: Backup) -> None:
        super().__init__(data, initial={"description": backup.description})
