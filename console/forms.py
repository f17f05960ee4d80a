"""What every dialog's form has in common."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.db.models import Q
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from console import passwords, times
from console.choices import Outcome
from console.exceptions import Refused
from console.lists import MomentField
from console.models import AuditEventQuerySet
from console.validators import (
    DESCRIPTION_MAX_LENGTH,
    DESCRIPTION_RULE,
    NAME_RULE,
    PASSWORD_RULE,
    description_validators,
    name_validators,
    password_validators,
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


class NewPasswordField(forms.CharField):
    """A password that is to be set, taken exactly as typed. It never goes back to the browser that sent it."""

    default_validators = password_validators

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", PASSWORD_RULE)
        super().__init__(
            strip=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
            **kwargs,
        )


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


class NewPasswordForm(DialogForm):
    """A dialog that sets a password: typed twice, or generated and shown once.

    What was typed never goes back to the browser. A generated password does while its dialog stays open, since the
    dialog has shown it in the first place.
    """

    password = NewPasswordField(label=_("Password"))
    confirmation = NewPasswordField(label=_("Confirm Password"), help_text="")
    # What Generate made, so that the dialog goes on showing it.
    generated = forms.CharField(required=False, strip=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # That it is the password is all that is asked of it.
        self.fields["confirmation"].validators.clear()
        if self.shown_password:
            for name in ("password", "confirmation"):
                widget = self.fields[name].widget
                assert isinstance(widget, forms.PasswordInput)
                widget.render_value = True
        elif self.is_bound:
            sent: Any = self.data
            sent = sent.copy()
            sent.pop("generated", None)
            self.data = sent

    @classmethod
    def generating(cls, data: QueryDict, **kwargs: Any) -> Self:
        """The form as it was filled in, not judged yet, with a password that the console has made."""
        made = passwords.generate()
        form = cls(initial={**data.dict(), "password": made, "confirmation": made, "generated": made}, **kwargs)
        for field in form.fields.values():
            field.widget.attrs.pop("autofocus", None)
        return form

    @property
    def shown_password(self) -> str:
        """The generated password, as long as it is the one in the field."""
        values: Any = self.data if self.is_bound else self.initial
        generated = str(values.get("generated") or "")
        return generated if generated and generated == values.get("password") else ""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        # As they were typed: that they differ is said beside whatever else is wrong with the first.
        typed, again = (self[name].data or "" for name in ("password", "confirmation"))
        if typed != again and not self.fields["password"].disabled and not self.has_error("confirmation"):
            self.add_error("confirmation", _("The two passwords differ."))
        return cleaned


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
