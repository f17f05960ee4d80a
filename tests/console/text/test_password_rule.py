"""The rule for the passwords of instances: 8 to 32 characters, at least one of each kind, and no others."""

import pytest
from django.core.exceptions import ValidationError

from console.accounts import passwords
from console.text.password_rule import PASSWORD_SPECIAL, check_password


def broken(password: str) -> list[str]:
    try:
        check_password(password)
    except ValidationError as error:
        assert list(error.message_dict) == ["password"]
        return error.message_dict["password"]
    return []


@pytest.mark.parametrize(
    "password", ["Abcdef1-", "Abcdef1-" * 4, *(f"Abcdef1{special}" for special in PASSWORD_SPECIAL)]
)
def test_a_valid_password_is_accepted(password: str) -> None:
    assert broken(password) == []


@pytest.mark.parametrize(
    ("password", "messages"),
    [
        ("", ["Fill in this field."]),
        ("Abcde1-", ["Use at least 8 characters (it has 7)."]),
        ("Abcdef1-" * 4 + "x", ["Use at most 32 characters (it has 33)."]),
        ("abcdef1-", ["Add an uppercase letter (A-Z)."]),
        ("ABCDEF1-", ["Add a lowercase letter (a-z)."]),
        ("Abcdefg-", ["Add a digit (0-9)."]),
        ("Abcdefg1", [f"Add one of {PASSWORD_SPECIAL}"]),
        *(
            (f"Abcdef1-{other}", [f"Use only letters (A-Z, a-z), digits and {PASSWORD_SPECIAL}"])
            for other in " $'\"&/é١Ａ\n"
        ),
        (
            "abc",
            [
                "Use at least 8 characters (it has 3).",
                "Add an uppercase letter (A-Z).",
                "Add a digit (0-9).",
                f"Add one of {PASSWORD_SPECIAL}",
            ],
        ),
    ],
)
def test_every_broken_part_of_the_rule_is_reported(password: str, messages: list[str]) -> None:
    assert broken(password) == messages


@pytest.mark.parametrize("password", ["Not-here7$", "nothing of it", "X"])
def test_no_message_contains_the_typed_password(password: str) -> None:
    with pytest.raises(ValidationError) as raised:
        check_password(password)
    assert password not in repr(raised.value.error_dict)


def test_a_generated_password_is_valid_and_different_each_time() -> None:
    made = {passwords.generate() for _ in range(200)}
    assert len(made) == 200
    assert not any(map(broken, made))
