"""What every dialog's form has in common."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from console.text.refused import Refused
from console.text.validators import (
    DESCRIPTION_MAX_LENGTH,
    DESCRIPTION_RULE,
    NAME_RULE,
    description_validators,
    name_validators,
)


class NameField(forms.CharField):
    """A resource's name, taken exactly as typed: a space too many is an error to show, not to repair."""

    default_validators = name_validators

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", NAME_RULE)
        super().__init__(strip=False, **kwargs)
        self.widget.attrs.update(
            {"autocomplete": "off", "spellcheck": "false", "autofocus": True, "data-select-on-focus": True}
        )


class DescriptionField(forms.CharField):
    """An optional description, taken exactly as typed. Not maxlength: a browser would cut off what is pasted."""

    default_validators = description_validators
    widget = forms.Textarea(attrs={"rows": 3, "data-count-to": DESCRIPTION_MAX_LENGTH})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", DESCRIPTION_RULE)
        super().__init__(strip=False, required=False, **kwargs)


class RequestKeyField(forms.UUIDField):
    """Numbers the dialog, so that submitting it twice does the thing once."""

    def __init__(self) -> None:
        super().__init__(
            widget=forms.HiddenInput,
            initial=uuid.uuid4,
            error_messages={"invalid": _("The dialog is damaged. Close it and open it again.")},
        )


class DialogForm(forms.Form):
    """A form shown in the one dialog, or on a page of its own without JavaScript."""

    error_css_class = "has-error"
    required_css_class = "is-required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The asterisk is the label's; a colon would stand before it.
        self.label_suffix = ""
        for field in self.fields.values():
            if field.required:
                field.error_messages["required"] = _("Fill in this field.")

    def refuse(self, refusal: Refused) -> None:
        """Show why the service refused, beside the field that caused it or above the form."""
        self.add_error(refusal.field if refusal.field in self.fields else None, str(refusal.message))
