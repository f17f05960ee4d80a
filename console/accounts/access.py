"""What a view asks of the signed-in user's role. A view that says nothing asks for `view`."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from django.contrib.auth.models import User
from django.http import HttpRequest

from console.accounts import roles
from console.accounts.roles import NotAllowed, Permission
from console.audit import audited as audit
from console.audit.choices import Outcome

View = TypeVar("View", bound=Callable[..., Any])
_SAFE = {"GET", "HEAD", "OPTIONS"}


def performs(action: audit.Action[..., Any]) -> Callable[[View], View]:
    """The view is in front of the action: its form and its submit ask for the role that the action asks for.

    A view in front of several names the one that the most roles may do; each action still asks for itself.
    """

    def mark(view: View) -> View:
        view.__dict__.update(needs=action.needs, action=action)
        return view

    return mark


def needs(permission: Permission | None) -> Callable[[View], View]:
    """For a view without an action of its own. None: open to everybody who has signed in, whatever the role."""

    def mark(view: View) -> View:
        view.__dict__.update(needs=permission)
        return view

    return mark


def check(request: HttpRequest, view: Callable[..., Any], kwargs: Mapping[str, Any]) -> None:
    """Raise NotAllowed unless the user's role may use the view; what was more than looking is audited."""
    user = cast(User, request.user)
    try:
        roles.require(user, getattr(view, "needs", Permission.VIEW))
    except NotAllowed as refusal:
        action: audit.Action[..., Any] | None = getattr(view, "action", None)
        if action and request.method not in _SAFE:
            # The role alone decided: what the address names has not been looked up.
            kind, id = next(((key.removesuffix("_id"), str(value)) for key, value in kwargs.items()), ("", ""))
            resource = audit.Resource(kind or action.resource, id)
            audit.record(
                action.trace,
                user=user,
                resource=resource,
                outcome=Outcome.REFUSED,
                reason=str(refusal),
            )
        raise
