"""The rules of a form's fields, for the script that judges what users type after they have submitted the form once.

The server judges with Django's validators, and each rule here is derived from one of them, so that both say the same.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.core import validators

from console.text.description_rule import LINE_BREAKS, NoneOfValidator, VisibleValidator
from console.text.messages import TEXTS
from console.text.password_rule import MatchesValidator
from console.text.visible import INVISIBLE

# Stands for the length of the text in a message whose placeholder takes a number.
_LENGTH = -1
# Expressions that JavaScript's flag "u" rejects: a backslash before a character that needs none.
_NEEDLESS = re.compile(r"\\([^\w\\^$.*+?()\[\]{}|/-])")
_SYNTAX, _ESCAPED = re.compile(r"([\\^$.*+?()\[\]{}|/])"), r"\\\1"

Rule = dict[str, Any]


def rules_of(field: forms.BoundField) -> str:
    """Return the field's rules as JSON: each has `say`, the message, and how the script finds that the rule is broken.

    `wrong` is a regular expression that finds something only in a wrong text, `number` are the smallest and the
    largest number, and `like` is the name of the field that must have the same value. Except for `required`, the rules
    do not apply to an empty text.
    """
    rules: list[Rule] = []
    if field.field.required:
        rules.append({"required": True, "say": str(field.field.error_messages["required"])})
    if isinstance(field.field, forms.IntegerField):
        limits = [field.field.min_value, field.field.max_value]
        rules.append({"number": limits, "say": str(field.field.error_messages["invalid"])})
    else:
        for validator in field.field.validators:
            rules += _rules_of(validator)
    rules += getattr(field.field, "more_rules", [])
    rules += getattr(field.form, "more_rules", {}).get(field.name, [])
    return json.dumps(rules)


def exactly(text: str, say: object) -> Rule:
    """Return the rule that a field must contain exactly this text."""
    return {"wrong": f"^(?!{_SYNTAX.sub(_ESCAPED, text)}$)", "say": str(say)}


def like(name: str, say: object) -> Rule:
    """Return the rule that a field must have the same value as the field `name` of its form."""
    return {"like": name, "say": str(say)}


def _rules_of(validator: Any) -> Iterator[Rule]:
    match validator:
        case validators.MinLengthValidator(limit_value=limit):
            yield {"wrong": f"^.{{0,{limit - 1}}}$", "say": _length(validator.message, limit)}
        case validators.MaxLengthValidator(limit_value=limit):
            yield {"wrong": f"^.{{{limit + 1}}}", "say": _length(validator.message, limit)}
        case validators.RegexValidator(regex=re.Pattern() as regex, message=message):
            yield {"wrong": _unless(regex.pattern), "say": str(message)}
        case MatchesValidator(expression=expression, message=message, params=params):
            yield {"wrong": _unless(rf"\A(?:{expression})\Z"), "say": str(message % params)}
        case NoneOfValidator(characters=characters):
            say = TEXTS["rule.forbidden_characters"] % {"characters": "{found}"}
            yield {"wrong": f"[{_for_javascript(re.escape(characters))}]", "say": str(say)}
        case VisibleValidator():
            breaks = "".join(sorted(LINE_BREAKS))
            yield {"wrong": f"[{breaks}]", "say": str(TEXTS["rule.one_line"])}
            say = TEXTS["rule.invisible"] % {"characters": "{found}"}
            yield {"wrong": f"(?![{breaks}]){INVISIBLE.pattern}", "say": str(say)}


def _length(message: Any, limit: int) -> str:
    text = str(message % {"limit_value": limit, "show_value": _LENGTH})
    return text.replace(str(_LENGTH), "{length}")


def _unless(right: str) -> str:
    """Return an expression that matches at the start of a text which `right` does not match."""
    return f"^(?!{_for_javascript(right)})"


def _for_javascript(expression: str) -> str:
    return _NEEDLESS.sub(r"\1", expression.replace(r"\A", "").replace(r"\Z", "$"))
