"""The forms of the dialogs on the Users page."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from console.accounts.forms import NewPasswordField, NewPasswordForm
from console.accounts.roles import Role
from console.text.user_name_rule import USER_NAME_RULE, user_name_validators
from console.web.forms import EditForm

# What settings.AUTH_PASSWORD_VALIDATORS check, in words about another user.
_RULE = _("At least 8 characters, neither a common password nor similar to the user name.")


class UserPasswordField(NewPasswordField):
    """A new password of a user, for which the same rule holds as on the page Change password."""

    default_validators = []


class UserPasswordForm(NewPasswordForm):
    """A dialog that sets the password of `account` or, if that is None, of a new user with the name in the form."""

    account: User | None = None
    password = UserPasswordField(label=_("Password"), help_text=_RULE)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if password := cleaned.get("password"):
            try:
                validate_password(password, self.account or User(username=cleaned.get("name", "")))
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


def _role_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Role"),
        choices=Role.choices,
        initial=Role.READ_ONLY,
        help_text=_(
            "Full access: everything. Backup operator: create backups, restore them to a new instance, download them. "
            "Read-only: see instances, backups and tasks."
        ),
        error_messages={"invalid_choice": _("Choose one of the roles in the list.")},
    )


class CreateUserForm(UserPasswordForm):
    name = forms.CharField(
        label=_("User Name"),
        strip=False,
        validators=user_name_validators,
        help_text=USER_NAME_RULE,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
    )
    role = _role_field()

    field_order = ["name", "role", "password", "confirmation"]


class ResetUserPasswordForm(UserPasswordForm):
    def __init__(self, *args: Any, account: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        self.fields["password"].label = _("New Password")


class ChangeRoleForm(EditForm):
    role = _role_field()
