"""Encryption of secrets that the console stores, such as a new password on its way from web to agent.

A sealed text is encrypted and signed by Fernet. It can be stored in the console database, because the key is elsewhere:
in a file in the home, or in CONSOLE_CREDENTIAL_KEYS if web and agents have separate homes. There may be several keys:
the first seals, all unseal. They are read anew each time, so that `manage.py rotate-credentials` needs no restart.
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


def resealed(token: str) -> str:
    """Return the token if the first key sealed it, else its text sealed with that key. Raises CannotUnseal."""
    first = _given()[0]
    try:
        Fernet(first).decrypt(token.encode())
    except InvalidToken:
        try:
            return _keys().rotate(token.encode()).decode()
        except InvalidToken as error:
            raise CannotUnseal from error
    return token


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _given()])


def _given() -> list[str]:
    return settings.CONSOLE_CREDENTIAL_KEYS or home.credential_keys(settings.CONSOLE_HOME)
