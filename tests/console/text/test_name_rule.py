"""The rule for names, tested on the validators that every caller uses."""

import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from console.text.name_rule import name_validators

VALID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{3,63}", re.ASCII)


def errors_of(name: str) -> list[str]:
    errors: list[str] = []
    for validator in name_validators:
        try:
            validator(name)
        except ValidationError as error:
            errors.extend(error.messages)
    return errors


@pytest.mark.parametrize("name", ["abcd", "A-_9", "a" * 64, "backup-7f3a", "Z___", "x---"])
def test_a_valid_name_is_accepted(name: str) -> None:
    assert errors_of(name) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("abc", "at least 4"),
        ("a" * 65, "at most 64"),
        ("1abc", "Start the name with a letter"),
        ("-abc", "Start the name with a letter"),
        ("abc d", "Use only letters"),
        ("abcd\n", "Use only letters"),
        ("abcd\x00", "Use only letters"),
        (" abcd", "Start the name with a letter"),
        ("abcd ", "Use only letters"),
        ("abcdé", "Use only letters"),
        ("éabcd", "Start the name with a letter"),
        ("ａｂｃｄ", "Start the name with a letter"),
        ("abc１", "Use only letters"),
        ("abc٣", "Use only letters"),
        ("abc\u212a", "Use only letters"),  # KELVIN SIGN, which lower() turns into k
        ("abc<b>", "Use only letters"),
        ("abc😀", "Use only letters"),
    ],
)
def test_an_invalid_name_is_rejected_with_the_broken_part(name: str, said: str) -> None:
    assert any(said in message for message in errors_of(name)), errors_of(name)


def test_all_broken_parts_are_reported_at_once() -> None:
    assert len(errors_of("1 é")) == 3


@given(st.one_of(st.text(max_size=70), st.from_regex(VALID, fullmatch=True)))
def test_validators_agree_with_the_rule_for_any_text(name: str) -> None:
    assert (errors_of(name) == []) == bool(VALID.fullmatch(name))
