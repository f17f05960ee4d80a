"""Addresses that may contain a password, and go back to the browser or into a sentence only without it."""

import re

# The last @ ends the password: people paste passwords that should have been escaped.
_PASSWORD = re.compile(r"^(\s*[a-z][a-z0-9+.-]*://[^:]*):.*@", re.IGNORECASE | re.DOTALL)
_SECRET_OPTION = re.compile(r"([?&;][^=&;]*(?:password|secret|token|properties)[^=&;]*=)[^&;]*", re.IGNORECASE)


def without_password(text: str) -> str:
    """Return the text; if it is an address with a password or a secret option, without what is secret."""
    if "://" not in text:
        return text
    return _SECRET_OPTION.sub(r"\1", _PASSWORD.sub(r"\1@", text))
