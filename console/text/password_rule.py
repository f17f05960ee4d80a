"""The rule for the passwords of administrators; forms and services use these validators."""

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinLengthValidator
from django.utils.translation import gettext_lazy as _

from console.text.messages import TEXTS

PASSWORD_MIN_LENGTH = 8
PASSWORD_MAX_LENGTH = 32
PASSWORD_SPECIAL = "~!@#%^*-_=+?"  # noqa: S105 - the characters of the rule
PASSWORD_RULE = _(
    "8 to 32 characters, with at least one uppercase letter (A-Z), one lowercase letter (a-z), one digit and one of "
    "~!@#%^*-_=+?"
)


class MatchesValidator:
    """Rejects a text unless the expression matches all of it. The error contains nothing of the text."""

    def __init__(self, expression: str, message: Any, **params: object) -> None:
        self.expression = expression
        self.message = message
        self.params = params

    def __call__(self, value: str) -> None:
        if not re.fullmatch(self.expression, value, re.DOTALL):
            raise ValidationError(self.message, code="password", params=self.params or None)


# The empty alternative leaves a missing password to the required check, as with names.
password_validators: list[Callable[[Any], None]] = [
    MinLengthValidator(PASSWORD_MIN_LENGTH, TEXTS["rule.too_short"]),
    MaxLengthValidator(PASSWORD_MAX_LENGTH, TEXTS["rule.too_long"]),
    MatchesValidator(r"|.*[A-Z].*", TEXTS["rule.password_uppercase"]),
    MatchesValidator(r"|.*[a-z].*", TEXTS["rule.password_lowercase"]),
    MatchesValidator(r"|.*[0-9].*", TEXTS["rule.password_digit"]),
    MatchesValidator(
        rf"|.*[{re.escape(PASSWORD_SPECIAL)}].*", TEXTS["rule.password_special"], special=PASSWORD_SPECIAL
    ),
    MatchesValidator(
        rf"[A-Za-z0-9{re.escape(PASSWORD_SPECIAL)}]*", TEXTS["rule.password_characters"], special=PASSWORD_SPECIAL
    ),
]


def check_password(password: str) -> None:
    """Raise ValidationError, for the field `password`, with every part of the rule that the password breaks."""
    errors: list[ValidationError] = []
    if not password:
        raise ValidationError({"password": TEXTS["rule.required"]})
    for validator in password_validators:
        try:
            validator(password)
        except ValidationError as error:
            errors += error.error_list
    if errors:
        raise ValidationError({"password": errors})
