"""The rule for descriptions; forms, services and models use these validators."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

from console.text.messages import TEXTS
from console.text.visible import invisible, visible

DESCRIPTION_MAX_LENGTH = 256
# What Unicode or a browser treats as a line break (str.splitlines).
LINE_BREAKS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
DESCRIPTION_RULE = _("Up to 256 characters, without line breaks and without any of > ! < \" & ' =")


@deconstructible
class NoneOfValidator:
    """Rejects a text that contains any of the characters, and names those that it found."""

    def __init__(self, characters: str) -> None:
        self.characters = characters

    def __call__(self, value: str) -> None:
        found = list(dict.fromkeys(character for character in value if character in self.characters))
        if found:
            raise ValidationError(
                TEXTS["rule.forbidden_characters"],
                code="forbidden_characters",
                params={"characters": " ".join(found)},
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NoneOfValidator) and self.characters == other.characters


@deconstructible
class VisibleValidator:
    """Rejects line breaks and, with a message of their own that names them, other invisible characters."""

    def __call__(self, value: str) -> None:
        found = invisible(value)
        errors, others = [], [character for character in found if character not in LINE_BREAKS]
        if len(others) < len(found):
            errors.append(ValidationError(TEXTS["rule.one_line"], code="line_break"))
        if others:
            params = {"characters": " ".join(map(visible, others))}
            errors.append(ValidationError(TEXTS["rule.invisible"], code="invisible", params=params))
        if errors:
            raise ValidationError(errors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VisibleValidator)


description_validators: list[Callable[[Any], None]] = [
    MaxLengthValidator(DESCRIPTION_MAX_LENGTH, TEXTS["rule.too_long"]),
    VisibleValidator(),
    NoneOfValidator("><!\"&'="),
]
