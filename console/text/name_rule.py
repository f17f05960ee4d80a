"""The rule for names of instances and backups; forms, services and models use these validators."""

import re
from collections.abc import Callable
from typing import Any

from django.core.validators import MaxLengthValidator, MinLengthValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from console.text.messages import TEXTS

NAME_MIN_LENGTH = 4
NAME_MAX_LENGTH = 64
NAME_RULE = _(
    "4 to 64 characters. Starts with a letter. Letters (A-Z, a-z), digits, hyphens (-) and underscores (_) only."
)

# \Z, because $ allows a trailing newline; [A-Za-z], because \w includes every letter of Unicode.
# The empty alternative leaves a missing name to the required check, so that one mistake gives one message.
name_validators: list[Callable[[Any], None]] = [
    MinLengthValidator(NAME_MIN_LENGTH, TEXTS["rule.too_short"]),
    MaxLengthValidator(NAME_MAX_LENGTH, TEXTS["rule.too_long"]),
    RegexValidator(re.compile(r"\A(?:[A-Za-z].*)?\Z", re.DOTALL), TEXTS["rule.name_start"]),
    RegexValidator(re.compile(r"\A[A-Za-z0-9_-]*\Z"), TEXTS["rule.name_characters"]),
]
