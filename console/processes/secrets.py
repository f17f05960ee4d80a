"""Encryption of secrets that the web process passes to an agent, such as a new password.

A sealed text is encrypted and signed by Fernet. It can be stored in the console database, because the key is elsewhere:
in a file in the home, or in CONSOLE_CREDENTIAL_KEYS if web and agents have separate homes.
"""

import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from console.processes import home


class CannotUnseal(Exception):
    """A sealed text cannot be read: another key sealed it, or it was sealed for another purpose."""


def seal(text: str, *, purpose: str) -> str:
    """Encrypt `text` with the first key, for one purpose, such as a job's id."""
    return _keys().encrypt(json.dumps([purpose, text]).encode()).decode()


def unseal(token: str, *, purpose: str) -> str:
    """Return the text that seal() encrypted for the same purpose. Raises CannotUnseal."""
    try:
        sealed_for, text = json.loads(_keys().decrypt(token.encode()))
    except (InvalidToken, ValueError) as error:
        raise CannotUnseal from error
    if sealed_for != purpose:
        raise CannotUnseal
    return str(text)


def _keys() -> MultiFernet:
    given = settings.CONSOLE_CREDENTIAL_KEYS or [home.credential_key(settings.CONSOLE_HOME)]
    return MultiFernet([Fernet(key) for key in given])
