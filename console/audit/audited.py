"""Audited actions: a decorator marks every service function that a user can call.

    @audited("ddsDeleteBackup", needs=Permission.MANAGE_BACKUPS, resource="backup")
    def delete_backup(*, backup: Backup, requested_by: User | None) -> None: ...

The decorated function checks the role of `requested_by`, runs in a transaction, and writes its AuditEvent: in that
transaction after a success, after the rollback if the action is refused or fails. A view that names the function with
`console.accounts.access.performs` requires the same permission.
"""

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction

from console.accounts import roles
from console.accounts.roles import Permission
from console.audit import origin
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.text.changes import Changed, Values, changes
from console.text.messages import of_validation
from console.text.refused import Refused
from console.text.visible import visible

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Resource:
    """The resource of an action, with its name at that time."""

    type: str = ""
    id: str = ""
    name: str = ""


def resource_of(row: models.Model) -> Resource:
    return Resource(str(row._meta.model_name), str(row.pk), str(row))


def record(
    trace: str,
    *,
    user: User | None,
    resource: Resource = Resource(),
    outcome: Outcome = Outcome.SUCCEEDED,
    reason: str = "",
    user_name: str = "",
    details: str = "",
) -> None:
    """Write one event, with the address of the current request. The user None is the console itself."""
    AuditEvent.objects.create(
        user=user,
        user_name=visible(user.get_username() if user else user_name)[:150],
        trace=trace,
        resource_type=resource.type[:32],
        resource_id=visible(resource.id)[:64],
        resource_name=visible(resource.name)[:150],
        address=origin.current().address,
        outcome=outcome,
        reason=visible(reason),
        details=details,
    )


@dataclass
class _Run:
    """One call of an action. Actions that it calls need no permission of their own."""

    recorded: bool = True
    details: str = ""


_run: ContextVar[_Run | None] = ContextVar("run", default=None)


def nothing_new() -> None:
    """Record no event for the current call, because the service did the same work in an earlier call."""
    run = _run.get()
    assert run is not None
    run.recorded = False


def accept_edit(*, before: Values, after: Values, opened_with: Values | None = None) -> None:
    """Record what the current call changes, unless another change came first.

    Raises Changed if the row, which the caller has locked, has neither the values `opened_with` nor `after`.
    """
    if opened_with is not None and before not in (opened_with, after):
        raise Changed(opened_with, before)
    run = _run.get()
    assert run is not None
    run.details = changes(before, after)


class AuditedAction(Generic[P, R]):
    """A service function with its trace name, the permission it needs and the type of its resource."""

    def __init__(self, function: Callable[P, R], trace: str, needs: Permission | None, resource: str) -> None:
        self._function = function
        self.trace = trace
        self.needs = needs
        self.resource = resource
        parameters = inspect.signature(function).parameters
        if "requested_by" not in parameters:
            raise TypeError(f"{function.__qualname__} needs the keyword requested_by to be audited.")
        self._order = [name for name in parameters if name != "requested_by"]
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        user: Any = kwargs["requested_by"]
        # Read the names before the call: afterwards a row may be deleted or renamed.
        given = [resource_of(value) for name in self._order if isinstance(value := kwargs.get(name), models.Model)]
        refused_on = self._chosen(given) or Resource(self.resource, name=str(kwargs.get("name", "")))
        outer, run = _run.get(), _Run()
        token = _run.set(run)
        try:
            if outer is None:
                roles.require(user, self.needs)
            with transaction.atomic():
                result = self._function(*args, **kwargs)
                if run.recorded:
                    made = [resource_of(result)] if isinstance(result, models.Model) else []
                    resource = self._chosen(made + given) or refused_on
                    record(self.trace, user=user, resource=resource, details=run.details)
            return result
        except (Refused, ValidationError, PermissionDenied) as error:
            # Within another action, this event joins the outer transaction: it remains only if the outer action
            # commits.
            record(self.trace, user=user, resource=refused_on, outcome=Outcome.REFUSED, reason=_reason(error))
            raise
        except Exception as error:
            if outer is None:
                reason = type(error).__name__
                record(self.trace, user=user, resource=refused_on, outcome=Outcome.FAILED, reason=reason)
            raise
        finally:
            _run.reset(token)

    def _chosen(self, resources: list[Resource]) -> Resource | None:
        """Return the first resource of the action's type, else the first, such as the instance that got no backup."""
        return next((each for each in resources if each.type == self.resource), resources[0] if resources else None)


def audited(trace: str, *, needs: Permission | None, resource: str) -> Callable[[Callable[P, R]], AuditedAction[P, R]]:
    """Make a keyword-only service function an audited action.

    `trace` is the reference's name for the action. `needs` is the permission that `requested_by` must have (None: every
    signed-in user is allowed). `resource` is the model whose row the event names, such as "instance": the returned row,
    else an argument.
    """
    return lambda function: AuditedAction(function, trace, needs, resource)


def _reason(error: Refused | ValidationError | PermissionDenied) -> str:
    return of_validation(error) if isinstance(error, ValidationError) else str(error)


# --- Signing in and out: receivers of Django's signals ----------------------------------------------------

SIGN_IN = "consoleSignIn"
SIGN_OUT = "consoleSignOut"


def signed_in(sender: object, *, user: User, **_kwargs: Any) -> None:
    record(SIGN_IN, user=user, resource=resource_of(user))


def signed_out(sender: object, *, user: User | None, **_kwargs: Any) -> None:
    if user is not None:
        record(SIGN_OUT, user=user, resource=resource_of(user))
