"""The columns that each user chose, which are among the user's preferences."""

from typing import cast

from django.contrib.auth.models import AnonymousUser, User

from console.accounts.models import UserPreferences
from console.accounts.preferences import preferences_of

Choices = dict[str, dict[str, bool]]


def choices(user: User | AnonymousUser) -> Choices:
    """Return the choices of all lists by the list's id: true or false for each column that the user could choose."""
    return cast(Choices, preferences_of(user).columns)


def choose(user: User, list_id: str, chosen: dict[str, bool]) -> None:
    """Store which of the list's columns the user shows."""
    columns = {**choices(user), list_id: chosen}
    UserPreferences.objects.update_or_create(user=user, defaults={"columns": columns})
