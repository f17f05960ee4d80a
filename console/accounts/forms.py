"""Forms that set a password: a user's own, and that of anything else that has one."""

from typing import Any, Self

from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from console.accounts import passwords
from console.text.validators import (
    PASSWORD_RULE,
    password_validators,
)
from console.web.forms import DialogForm


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
