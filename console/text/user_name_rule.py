"""The rule for the names of users; forms and services use these validators."""

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from console.text.messages import TEXTS

USER_NAME_MAX_LENGTH = 64
USER_NAME_RULE = _("At most 64 characters. Starts with a letter or a digit. Letters (A-Z, a-z), digits and ._-@+ only.")

# The empty alternatives leave a missing name to the required check, so that one mistake gives one message.
user_name_validators: list[Callable[[Any], None]] = [
    MaxLengthValidator(USER_NAME_MAX_LENGTH, TEXTS["rule.too_long"]),
    RegexValidator(re.compile(r"\A(?:[A-Za-z0-9].*)?\Z", re.DOTALL), TEXTS["rule.user_name_start"]),
    RegexValidator(re.compile(r"\A[A-Za-z0-9._@+-]*\Z"), TEXTS["rule.user_name_characters"]),
]


def check_user_name(name: str) -> None:
    """Raise ValidationError with every part of the rule that the name breaks."""
    errors: list[ValidationError] = []
    if not name:
        raise ValidationError(TEXTS["rule.required"])
    for validator in user_name_validators:
        try:
            validator(name)
        except ValidationError as error:
            errors += error.error_list
    if errors:
        raise ValidationError(errors)
