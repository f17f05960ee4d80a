"""The rules for what people type, each in one place: forms, services and models use these."""

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MinLengthValidator, RegexValidator
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

NAME_MIN_LENGTH = 4
NAME_MAX_LENGTH = 64
DESCRIPTION_MAX_LENGTH = 256
PASSWORD_MIN_LENGTH = 8
PASSWORD_MAX_LENGTH = 32
PASSWORD_SPECIAL = "~!@#%^*-_=+?"  # noqa: S105 - the characters of the rule

NAME_RULE = _(
    "4 to 64 characters. Starts with a letter. Letters (A-Z, a-z), digits, hyphens (-) and underscores (_) only."
)
PASSWORD_RULE = _(
    "8 to 32 characters, with at least one uppercase letter (A-Z), one lowercase letter (a-z), one digit and one of "
    "~!@#%^*-_=+?"
)
DESCRIPTION_RULE = _("Up to 256 characters, without line breaks and without any of > ! < \" & ' =")


def _too_short(limit: int) -> MinLengthValidator:
    return MinLengthValidator(
        limit,
        ngettext_lazy(
            "Use at least %(limit_value)d character (it has %(show_value)d).",
            "Use at least %(limit_value)d characters (it has %(show_value)d).",
            "limit_value",
        ),
    )


def _too_long(limit: int) -> MaxLengthValidator:
    return MaxLengthValidator(
        limit,
        ngettext_lazy(
            "Use at most %(limit_value)d character (it has %(show_value)d).",
            "Use at most %(limit_value)d characters (it has %(show_value)d).",
            "limit_value",
        ),
    )


# \Z, not $: the latter lets a trailing newline through. [A-Za-z] spelt out: \w is Unicode's.
# The empty alternative leaves a missing name to the required check, so that one mistake gives one message.
name_validators: list[Callable[[Any], None]] = [
    _too_short(NAME_MIN_LENGTH),
    _too_long(NAME_MAX_LENGTH),
    RegexValidator(re.compile(r"\A(?:[A-Za-z].*)?\Z", re.DOTALL), _("Start the name with a letter (A-Z or a-z).")),
    RegexValidator(
        re.compile(r"\A[A-Za-z0-9_-]*\Z"),
        _("Use only letters (A-Z, a-z), digits, hyphens (-) and underscores (_)."),
    ),
]


@deconstructible
class NoneOfValidator:
    """Refuses a text that holds any of the characters, and names the ones it found."""

    def __init__(self, characters: str) -> None:
        self.characters = characters

    def __call__(self, value: str) -> None:
        found = [character for character in self.characters if character in value]
        if found:
            raise ValidationError(
                _("Remove %(characters)s: it may not contain any of > ! < \" & ' ="),
                code="forbidden_characters",
                params={"characters": " ".join(found)},
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoneOfValidator) and self.characters == other.characters


@deconstructible
class SingleLineValidator:
    """Refuses every character that Unicode or a browser treats as a line break (str.splitlines)."""

    def __call__(self, value: str) -> None:
        if len(f"{value}.".splitlines()) > 1:
            raise ValidationError(_("Write it on one line, without line breaks."), code="line_break")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SingleLineValidator)


description_validators: list[Callable[[Any], None]] = [
    _too_long(DESCRIPTION_MAX_LENGTH),
    SingleLineValidator(),
    NoneOfValidator("><!\"&'="),
]


@deconstructible
class MatchesValidator:
    """Rejects a text that the expression does not match as a whole. Nothing of the text gets into the error."""

    def __init__(self, expression: str, message: Any, **figures: object) -> None:
        self.expression = expression
        self.message = message
        self.figures = figures

    def __call__(self, value: str) -> None:
        if not re.fullmatch(self.expression, value, re.DOTALL):
            raise ValidationError(self.message, code="password", params=self.figures or None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MatchesValidator) and self.expression == other.expression


# The empty alternative leaves a missing password to the required check, as with names.
password_validators: list[Callable[[Any], None]] = [
    _too_short(PASSWORD_MIN_LENGTH),
    _too_long(PASSWORD_MAX_LENGTH),
    MatchesValidator(r"|.*[A-Z].*", _("Add an uppercase letter (A-Z).")),
    MatchesValidator(r"|.*[a-z].*", _("Add a lowercase letter (a-z).")),
    MatchesValidator(r"|.*[0-9].*", _("Add a digit (0-9).")),
    MatchesValidator(rf"|.*[{re.escape(PASSWORD_SPECIAL)}].*", _("Add one of %(special)s"), special=PASSWORD_SPECIAL),
    MatchesValidator(
        rf"[A-Za-z0-9{re.escape(PASSWORD_SPECIAL)}]*",
        _("Use only letters (A-Z, a-z), digits and %(special)s"),
        special=PASSWORD_SPECIAL,
    ),
]


def check_password(password: str) -> None:
    """Raise ValidationError, for the field `password`, with every part of the rule that the password breaks."""
    errors: list[ValidationError] = []
    if not password:
        raise ValidationError({"password": _("Fill in this field.")})
    for validator in password_validators:
        try:
            validator(password)
        except ValidationError as error:
            errors += error.error_list
    if errors:
        raise ValidationError({"password": errors})
