"""Addresses that may contain a password, and go back to the browser or into a sentence only without it."""

import re

_OPTION = re.compile(r"[?&;][^?=&;]*=")
_SECRET = re.compile("password|secret|token|properties", re.IGNORECASE)
_NEXT_OPTION = re.compile(r"[&;]|\Z")

# A scheme, perhaps in other text. Without one of these names, a : and slashes may be the beginning of a password.
_SCHEME = re.compile(r"[^@:]*?(?<![\w.+-])((?:jdbc:)?mongo(?:db)?(?:\+srv)?://)", re.IGNORECASE)
_USER = re.compile(r"[^\s:/?#\"']*")
_NAME = r"(?:\[[0-9a-f:.%]*\]|[^\s:/?#@,\[\]\"']*)"
_HOST = rf"{_NAME}(?::[0-9]{{1,5}}(?![^\s,/?\"']))?"
_HOSTS = re.compile(rf"{_HOST}(?:,\s*{_HOST})*", re.IGNORECASE)
_PATH_AND_OPTIONS = re.compile(r"[/?][^\s\"']*")
_OPTION_WITHOUT_VALUE = re.compile(r"([?&;])[^?=&;]+(?=[?&;]|$)")


def without_password(text: str) -> str:
    """Return the text; if it has an address with a password or a secret option, without what is secret."""
    scheme = text.find("://")
    if scheme < 0:
        return text
    colon = text.find(":", scheme + 3)
    # The last @ ends the password: people paste passwords that should have been escaped.
    at = text.rfind("@")
    return _without_secret_options(text[:colon] + text[at:] if 0 <= colon < at else text)


def address_without_password(text: str) -> str:
    """Return what is surely not secret of a text that should be the address of a deployment, whatever else it is.

    Text around the address goes too: it may be a command with a password.
    """
    found = _SCHEME.match(text)
    scheme, rest = (found[1], text[found.end() :]) if found else ("", text.strip())
    people, at, places = rest.rpartition("@")
    user = _USER.match(people)
    # Spaces before the @ may separate the words of a command, and the @ may be in its password.
    places = "" if re.search(r"\s", people) else _places(places)
    return f"{scheme}{user[0] if user else ''}{at}{places}"


def _places(text: str) -> str:
    """Return the hosts at the beginning of the text and, if they are followed by a path or options, these."""
    hosts = _HOSTS.match(text)
    assert hosts, "it matches the empty text"
    rest = _PATH_AND_OPTIONS.match(text, hosts.end())
    shown = _without_secret_options(rest[0]) if rest else ""
    # What has no name may be the rest of a secret.
    return hosts[0] + _OPTION_WITHOUT_VALUE.sub(r"\1", shown)


def _without_secret_options(text: str) -> str:
    """Return the text without the values of secret options. Anybody may send it, so this reads it only once."""
    shown, end = [], 0
    for option in _OPTION.finditer(text):
        # Not in the value of a secret option.
        if option.start() >= end and _SECRET.search(option[0]):
            shown.append(text[end : option.end()])
            following = _NEXT_OPTION.search(text, option.end())
            assert following
            end = following.start()
    return "".join([*shown, text[end:]])
