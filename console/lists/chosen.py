"""The columns that each user chose, which are among the user's preferences."""

from typing import cast

from django.contrib.auth.models import AnonymousUser, User

from console.accounts import preferences

Choices = dict[str, dict[str, bool]]


def choices(user: User | AnonymousUser) -> Choices:
    """Return the choices of all lists by the list's id: true or false for each column that the user could choose."""
    return cast(Choices, preferences.preferences_of(user).columns)


def choose(user: User, list_id: str, chosen: dict[str, bool]) -> None:
    """Store which of the list's columns the user shows."""
    preferences.choose(user, columns={**choices(user), list_id: chosen})
