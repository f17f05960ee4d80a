"""Passwords that the console makes for people."""

import secrets
import string

from console.text.validators import PASSWORD_SPECIAL

_LENGTH = 20
# Without what is easily mistaken for something else: 0 and O, 1, l and I.
_KINDS = (
    "".join(letter for letter in string.ascii_uppercase if letter not in "IO"),
    "".join(letter for letter in string.ascii_lowercase if letter != "l"),
    "".join(digit for digit in string.digits if digit not in "01"),
    # Those that need no quotes in a shell, nor an escape in a connection string.
    "".join(sign for sign in PASSWORD_SPECIAL if sign in "-_"),
)


def generate() -> str:
    """Return a random password that keeps the rule for passwords, of about 115 bits."""
    characters = [secrets.choice(kind) for kind in _KINDS]
    characters += [secrets.choice("".join(_KINDS)) for _ in range(_LENGTH - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    # A sign in front would be an option's to many programs.
    if not characters[0].isalnum():
        return generate()
    return "".join(characters)
