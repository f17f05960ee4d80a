"""The Edit Description dialog."""

from typing import Any

from backups.models import Backup
from console.text.messages import TEXTS
from console.web.forms import DescriptionField, EditForm


class EditDescriptionForm(EditForm):
    description = DescriptionField(label=TEXTS["label.description"])

    def __init__(self, data: Any = None, *, backup: Backup) -> None:
        super().__init__(data, values=backup.editable, initial={"description": backup.description})
