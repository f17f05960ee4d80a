"""Permission checks for views. A view without a decorator requires `Permission.VIEW`."""

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


def performs(service: audit.AuditedAction[..., Any]) -> Callable[[View], View]:
    """Require the permission of the audited service that the view calls, both to open its form and to submit it.

    A view that calls several services names the one that the most roles may call; each service still checks its own
    permission.
    """

    def mark(view: View) -> View:
        view.__dict__.update(needs=service.needs, performs=service)
        return view

    return mark


def needs(permission: Permission | None) -> Callable[[View], View]:
    """Require the permission for a view that calls no audited service. None allows every signed-in user."""

    def mark(view: View) -> View:
        view.__dict__.update(needs=permission)
        return view

    return mark


def check(request: HttpRequest, view: Callable[..., Any], kwargs: Mapping[str, Any]) -> None:
    """Raise NotAllowed unless the user's role has the view's permission. Audit the refusal of a change."""
    user = cast(User, request.user)
    try:
        roles.require(user, getattr(view, "needs", Permission.VIEW))
    except NotAllowed as refusal:
        service: audit.AuditedAction[..., Any] | None = getattr(view, "performs", None)
        if service and request.method not in _SAFE:
            # Only the role was checked. The row in the URL has not been fetched, so its name is unknown.
            argument, id = next(((key.removesuffix("_id"), str(value)) for key, value in kwargs.items()), ("", ""))
            resource = audit.Resource(argument or service.resource, id)
            audit.record(service.trace, user=user, resource=resource, outcome=Outcome.REFUSED, reason=str(refusal))
        raise
