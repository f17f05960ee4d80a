"""Each user's theme and time zone, the same in every browser."""

from functools import cache
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone

from console.accounts.models import UserPreferences
from console.text import times


class PreferencesBackend(ModelBackend):
    """Loads the user of a session together with the preferences, which every page needs, in one query."""

    def get_user(self, user_id: int) -> User | None:
        try:
            user = User.objects.select_related("preferences").get(pk=user_id)
        except User.DoesNotExist:
            return None
        return user if self.user_can_authenticate(user) else None


def preferences_of(user: User | AnonymousUser) -> UserPreferences:
    """Return the user's preferences, or the defaults if the user has chosen nothing yet."""
    try:
        found: UserPreferences = user.preferences  # type: ignore[union-attr]
    except (ObjectDoesNotExist, AttributeError):
        return UserPreferences()
    return found


def choose(user: User, **chosen: Any) -> None:
    """Store the chosen `theme`, `time_zone` or `columns`."""
    UserPreferences.objects.update_or_create(user=user, defaults=chosen)


def activate_time_zone(user: User) -> None:
    """Use the zone that the user has chosen, if any, instead of the browser's, in the rest of this request."""
    name = preferences_of(user).time_zone
    if times.is_zone(name):
        timezone.activate(times.zone_named(name))


@cache
def zones_by_typing() -> dict[str, str]:
    """Return the names of all zones by the forms that people may type: in any case, with spaces, or only the city."""
    names = sorted(times.offered_zones())
    typed = {name.rpartition("/")[2].casefold(): name for name in reversed(names)}
    typed |= {name.casefold(): name for name in names}
    return {**typed, **{form.replace("_", " "): name for form, name in typed.items()}}
