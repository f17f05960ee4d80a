"""The rule for descriptions, tested on its validators."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from console.text.description_rule import description_validators
from console.text.visible import invisible
from console.web.forms import DescriptionField

FORBIDDEN = "><!\"&'="
LINE_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def errors_of(text: str) -> list[str]:
    errors: list[str] = []
    for validator in description_validators:
        try:
            validator(text)
        except ValidationError as error:
            errors.extend(error.messages)
    return errors


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Before the upgrade",
        "x" * 256,
        "😀" * 256,
        "déjà vu, 备份; a.b/c (d) #5 100%",
        "👩\u200d💻 ❤\ufe0f می\u200cخواهم",
        "全\u3000角",
    ],
)
def test_a_valid_description_is_accepted(text: str) -> None:
    assert errors_of(text) == []


@pytest.mark.parametrize("character", FORBIDDEN)
def test_each_forbidden_character_is_rejected_and_named(character: str) -> None:
    [message] = errors_of(f"a{character}b")
    assert f"Remove {character}" in message


@pytest.mark.parametrize("character", LINE_BREAKS)
def test_each_kind_of_line_break_is_rejected(character: str) -> None:
    [message] = errors_of(f"one{character}two")
    assert "one line" in message


@pytest.mark.parametrize(
    "character", ["\0", "\t", "\x01", "\x1b", "\x7f", "\x9b", "\xad", "\u200b", "\u202e", "\u2066", "\ufeff"]
)
def test_each_other_invisible_character_is_rejected_and_named(character: str) -> None:
    [message] = errors_of(f"one{character}two{character}")
    assert f"Remove {character.encode('unicode_escape').decode()}:" in message


@pytest.mark.parametrize("character", ["\0", "\x1b"])
def test_a_form_reports_an_invisible_character_once(character: str) -> None:
    with pytest.raises(ValidationError) as rejected:
        DescriptionField().clean(f"a{character}b")
    assert len(rejected.value.messages) == 1


def test_a_trailing_line_break_is_rejected() -> None:
    assert errors_of("one\r\n")


def test_length_is_counted_in_code_points() -> None:
    assert errors_of("😀" * 256) == []
    [message] = errors_of("😀" * 257)
    assert "at most 256" in message and "257" in message


def test_all_broken_rules_are_reported_at_once() -> None:
    assert len(errors_of("<\n" + "x" * 256)) == 3


@given(st.text(max_size=300))
def test_validators_agree_with_the_rule_for_any_text(text: str) -> None:
    keeps = len(text) <= 256 and not set(text) & set(FORBIDDEN + LINE_BREAKS) and not invisible(text)
    assert (errors_of(text) == []) == keeps
