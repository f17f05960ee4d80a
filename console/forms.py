"""What every dialog's form has in common."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from console import times
from console.choices import Outcome
from console.exceptions import Refused
from console.lists import MomentField
from console.models import AuditEventQuerySet
from console.validators import (
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


class PasswordForm(PasswordChangeForm):
    """Django's own, with the look of the others."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        # Django's own is a list in markup, which has no place in the line under a field.
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())
        for field in self.fields.values():
            field.error_messages["required"] = _("Fill in this field.")


class AuditFilterForm(forms.Form):
    """The toolbar of Audit. A value it does not know filters nothing."""

    user = forms.CharField(required=False, label=_("User"), max_length=150)
    resource = forms.CharField(
        required=False,
        label=_("Resource name or ID"),
        max_length=150,
        widget=forms.TextInput(attrs={"data-shortcut": "/"}),
    )
    since = MomentField(required=False, label=times.FROM)
    until = MomentField(required=False, label=times.TO)
    outcome = forms.ChoiceField(required=False, label=_("Outcome"), choices=[("", _("All outcomes")), *Outcome.choices])

    def is_set(self) -> bool:
        self.is_valid()
        return any(self.cleaned_data.values())

    def apply(self, events: AuditEventQuerySet) -> AuditEventQuerySet:
        self.is_valid()
        chosen = self.cleaned_data
        if user := chosen.get("user"):
            events = events.filter(user_name=user)
        if resource := chosen.get("resource"):
            events = events.filter(Q(resource_id=resource) | Q(resource_name=resource))
        if since := chosen.get("since"):
            events = events.filter(time__gte=since)
        if until := chosen.get("until"):
            # The whole of the minute, unless it is the calendar's last.
            minute = timedelta(minutes=1)
            events = events.filter(time__lt=min(until, datetime.max.replace(tzinfo=UTC) - minute) + minute)
        if outcome := chosen.get("outcome"):
            events = events.filter(outcome=outcome)
        return events
