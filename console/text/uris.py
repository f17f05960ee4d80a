"""Addresses that may contain a password, and go back to the browser or into a sentence only without it."""

import re

# The last @ ends the password: people paste passwords that should have been escaped.
_PASSWORD = re.compile(r"^(\s*[a-z][a-z0-9+.-]*://[^:]*):.*@", re.IGNORECASE | re.DOTALL)
_SECRET_OPTION = re.compile(r"([?&;][^=&;]*(?:password|secret|token|properties)[^=&;]*=)[^&;]*", re.IGNORECASE)

# What may stand before the user: a scheme, also mistyped or in other text.
_BEFORE_USER = re.compile(r"[^@:]*?(?:jdbc:)?[a-z][a-z0-9+.-]*:/{1,2}", re.IGNORECASE)


def without_password(text: str) -> str:
    """Return the text; if it is an address with a password or a secret option, without what is secret."""
    if "://" not in text:
        return text
    return _SECRET_OPTION.sub(r"\1", _PASSWORD.sub(r"\1@", text))


def address_without_password(text: str) -> str:
    """Return a text that should be an address without what is secret, even if it is none that anybody understands."""
    text = without_password(text)
    before = _BEFORE_USER.match(text)
    start = before.end() if before else 0
    people, at, rest = text[start:].rpartition("@")
    return f"{text[:start]}{people.partition(':')[0]}{at}{rest}"
