"""Passwords that the console generates."""

import secrets
import string

from console.text.password_rule import PASSWORD_SPECIAL

_LENGTH = 20
# Without characters that look alike: 0 and O, 1, l and I.
_CLASSES = (
    "".join(letter for letter in string.ascii_uppercase if letter not in "IO"),
    "".join(letter for letter in string.ascii_lowercase if letter != "l"),
    "".join(digit for digit in string.digits if digit not in "01"),
    # Only characters that need neither quotes in a shell nor escapes in a connection string.
    "".join(sign for sign in PASSWORD_SPECIAL if sign in "-_"),
)


def generate() -> str:
    """Return a random password with about 115 bits of entropy that satisfies the password rule."""
    characters = [secrets.choice(each) for each in _CLASSES]
    characters += [secrets.choice("".join(_CLASSES)) for _ in range(_LENGTH - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    # Many programs would read a leading dash as an option.
    if not characters[0].isalnum():
        return generate()
    return "".join(characters)
