"""The base class and the shared fields of the forms in dialogs."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _

from console.text.changes import Changed, Values
from console.text.description_rule import DESCRIPTION_MAX_LENGTH, DESCRIPTION_RULE, description_validators
from console.text.name_rule import NAME_RULE, name_validators
from console.text.refused import Refused
from console.web.judging import Rule, exactly
from console.web.kept import SHOWN_AGAIN

_FORM_EXPIRED = _("This dialog can no longer be used. Close it and open it again.")
_TYPE_EXACTLY = _("Type exactly this name: %(name)s")
_SALT = "console.opened_with"


class NameField(forms.CharField):
    """A resource's name, taken exactly as typed: an extra space is reported, not removed."""

    default_validators = name_validators

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", NAME_RULE)
        super().__init__(strip=False, **kwargs)
        self.widget.attrs.update(
            {"autocomplete": "off", "spellcheck": "false", "autofocus": True, "data-caret-at-end": True}
        )


class DescriptionField(forms.CharField):
    """An optional description, taken exactly as typed. No maxlength: browsers would cut off pasted text."""

    default_validators = description_validators
    widget = forms.Textarea(attrs={"rows": 3, "data-count-to": DESCRIPTION_MAX_LENGTH})

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", DESCRIPTION_RULE)
        super().__init__(strip=False, required=False, **kwargs)
        # Without Django's own rule against NUL, which would be a second message for the same character.
        self.validators = list(self.default_validators)


class ConfirmNameField(forms.CharField):
    """The name of the row that an action destroys, typed exactly. The form sets `wanted`."""

    wanted = ""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True})
        super().__init__(strip=False, widget=widget, **kwargs)

    @property
    def more_rules(self) -> list[Rule]:
        return [exactly(self.wanted, _TYPE_EXACTLY % {"name": self.wanted})]

    def clean(self, value: Any) -> str:
        typed: str = super().clean(value)
        if typed != self.wanted:
            raise forms.ValidationError(_TYPE_EXACTLY, params={"name": self.wanted})
        return typed


class RequestKeyField(forms.UUIDField):
    """The id of a dialog, so that submitting the dialog twice has one effect; see submitted_once.py."""

    def __init__(self) -> None:
        super().__init__(
            widget=forms.HiddenInput,
            initial=uuid.uuid4,
            error_messages={"invalid": _FORM_EXPIRED},
        )


class OpenedWithField(forms.CharField):
    """The values that the edited row had when the form was opened, signed because they come back from the browser."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(required=False)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str | None) else signing.dumps(value, salt=_SALT)

    def clean(self, value: Any) -> Values | None:
        try:
            return dict(signing.loads(value, salt=_SALT)) if value else None
        except signing.BadSignature:
            raise forms.ValidationError(_FORM_EXPIRED) from None


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

    def is_valid(self) -> bool:
        """Return whether the form may act: it is right, and it is not only shown again after a sign-in."""
        return SHOWN_AGAIN not in self.data and super().is_valid()

    @property
    def more_rules(self) -> dict[str, list[Rule]]:
        """Return rules that no validator has, by field, for the script that judges what users type."""
        return {}

    @contextmanager
    def showing_refusals(self) -> Iterator[None]:
        """Show the refusal of a service called within, beside the field that caused it or above the form."""
        try:
            yield
        except Refused as refusal:
            self.add_error(refusal.field if refusal.field in self.fields else None, str(refusal.message))


class EditForm(DialogForm):
    """A form that edits a row. Its service gets the values that the row had when the form was opened.

    If the service refuses because somebody else has changed the row meanwhile, the form shows that and keeps what the
    user entered. Submitting it again then replaces the other change.
    """

    opened_with = OpenedWithField()

    def __init__(self, *args: Any, values: Values, initial: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, initial={**initial, "opened_with": values}, **kwargs)

    @contextmanager
    def showing_refusals(self) -> Iterator[None]:
        with super().showing_refusals():
            try:
                yield
            except Changed as changed:
                sent: Any = self.data
                sent = sent.copy()
                sent["opened_with"] = signing.dumps(changed.current, salt=_SALT)
                self.data = sent
                raise
