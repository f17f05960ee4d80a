"""The sign-in form, and the forms that set the password of a user or an instance."""

from typing import Any, Self

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from console.accounts import passwords, throttle
from console.accounts.services import change_password
from console.audit.audited import SIGN_IN
from console.text.password_rule import PASSWORD_RULE, password_validators
from console.web.dialogs import posted
from console.web.forms import DialogForm
from console.web.judging import Rule, like
from console.web.request import Request

_PASSWORDS_DIFFER = _("The two passwords differ.")


class SignInForm(AuthenticationForm):
    """Django's sign-in form, with a limit on wrong passwords."""

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            # Without a name and a password there is no attempt to count.
            return super().clean()
        with throttle.attempt(name, trace=SIGN_IN, user=None, wrong="sign_in.wrong"):
            return super().clean()


class NewPasswordField(forms.CharField):
    """A new password, taken exactly as typed and never sent back to the browser."""

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

    A typed password is never sent back to the browser. A generated password is sent back while the dialog stays open,
    because the dialog already shows it.
    """

    password = NewPasswordField(label=_("Password"))
    confirmation = NewPasswordField(label=_("Confirm Password"), help_text="")
    # Carries the generated password, so that the dialog keeps showing it.
    generated = forms.CharField(required=False, strip=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The confirmation only has to match the password.
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
    def of(cls, request: Request, **kwargs: Any) -> Self:
        """Return the opened or submitted form; after Generate, the form with a generated password."""
        if "generate" in request.POST:
            return cls.generating(request.POST, **kwargs)
        return cls(posted(request), **kwargs)

    @classmethod
    def generating(cls, data: QueryDict, **kwargs: Any) -> Self:
        """Return the form with the user's input and a generated password, without validating it."""
        made = passwords.generate()
        form = cls(initial={**data.dict(), "password": made, "confirmation": made, "generated": made}, **kwargs)
        for field in form.fields.values():
            field.widget.attrs.pop("autofocus", None)
        return form

    @property
    def more_rules(self) -> dict[str, list[Rule]]:
        return {"confirmation": [like("password", _PASSWORDS_DIFFER)]}

    @property
    def shown_password(self) -> str:
        """Return the generated password, or "" once the user has changed the field."""
        values: Any = self.data if self.is_bound else self.initial
        generated = str(values.get("generated") or "")
        return generated if generated and generated == values.get("password") else ""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        # Compare the raw input, so that a mismatch is reported in addition to other errors.
        typed, again = (self[name].data or "" for name in ("password", "confirmation"))
        if typed != again and not self.fields["password"].disabled and not self.has_error("confirmation"):
            self.add_error("confirmation", _PASSWORDS_DIFFER)
        return cleaned


class PasswordForm(PasswordChangeForm):
    """Django's password change form, with the look of the console's forms and sign-in's limit on wrong passwords."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        # Django's help text is an HTML list; the line under a field takes text only.
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())
        for field in self.fields.values():
            field.error_messages["required"] = _("Fill in this field.")

    def clean_old_password(self) -> str:
        trace = change_password.trace
        with throttle.attempt(self.user.get_username(), trace=trace, user=self.user, wrong="password.wrong"):
            return super().clean_old_password()
