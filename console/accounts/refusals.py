"""Why an action on a user's account is not possible now: one function for each action; "" if it is possible."""

from django.contrib.auth.models import User

from console.text.messages import Message


def deactivation(account: User, by: User | None) -> str:
    return Message("user.yourself") if account == by else ""


def password_reset(account: User, by: User | None) -> str:
    # The own password has a page that asks for the present one.
    return Message("user.own_password") if account == by else ""


def ending_sessions(account: User, by: User | None, sessions: int = 1) -> str:
    if account == by:
        return Message("user.own_sessions")
    return "" if sessions else Message("user.no_sessions")
