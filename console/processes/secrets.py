"""Seals what the web process has to hand to an agent and nobody else may read, such as a new password.

A sealed text is encrypted and signed by Fernet. It can be stored in the console database: the key is a file of its own
in the home, or in CONSOLE_CREDENTIAL_KEYS where web and agents have homes of their own.
"""

import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from console.processes import home


class CannotUnseal(Exception):
    """A sealed text cannot be read: none of the keys is the one that sealed it, or it was sealed for something else."""


def seal(text: str, *, purpose: str) -> str:
    """Encrypt `text` with the first key, for one purpose, such as a job's id."""
    return _keys().encrypt(json.dumps([purpose, text]).encode()).decode()


def unseal(token: str, *, purpose: str) -> str:
    """Return the text that seal() was given for the same purpose. Raises CannotUnseal."""
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
