"""The base class and the shared fields of the forms in dialogs."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from console.text.description_rule import DESCRIPTION_MAX_LENGTH, DESCRIPTION_RULE, description_validators
from console.text.name_rule import NAME_RULE, name_validators
from console.text.refused import Refused


class NameField(forms.CharField):
    """A resource's name, taken exactly as typed: an extra space is reported, not removed."""

    default_validators = name_validators

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", NAME_RULE)
        super().__init__(strip=False, **kwargs)
        self.widget.attrs.update(
            {"autocomplete": "off", "spellcheck": "false", "autofocus": True, "data-select-on-focus": True}
        )


class DescriptionField(forms.CharField):
    """An optional description, taken exactly as typed. No maxlength: browsers would cut off pasted text."""

    default_validators = description_validators
    widget = forms.Textarea(attrs={"rows": 3, "data-count-to": DESCRIPTION_MAX_LENGTH})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", DESCRIPTION_RULE)
        super().__init__(strip=False, required=False, **kwargs)


class RequestKeyField(forms.UUIDField):
    """The id of a dialog, so that submitting the dialog twice has one effect; see submitted_once.py."""

    def __init__(self) -> None:
        super().__init__(
            widget=forms.HiddenInput,
            initial=uuid.uuid4,
            error_messages={"invalid": _("This dialog can no longer be used. Close it and open it again.")},
        )


class DialogForm(forms.Form):
    """A form in a dialog, or, without JavaScript, on its own page."""

    error_css_class = "has-error"
    required_css_class = "is-required"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # No colon, because labels end with an asterisk.
        self.label_suffix = ""
        for field in self.fields.values():
            if field.required:
                field.error_messages["required"] = _("Fill in this field.")

    @contextmanager
    def showing_refusals(self) -> Iterator[None]:
        """Show the refusal of a service called within, beside the field that caused it or above the form."""
        try:
            yield
        except Refused as refusal:
            self.add_error(refusal.field if refusal.field in self.fields else None, str(refusal.message))
