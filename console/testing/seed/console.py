"""The random choices of `manage.py seed`, and the users and audit events that it makes."""

import hashlib
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from django.utils.text import slugify

from console.accounts import services as account
from console.accounts import throttle
from console.accounts.roles import Role
from console.audit import audited as audit
from console.audit.audited import Resource
from console.audit.choices import Outcome
from console.audit.models import AuditEvent
from console.testing.models import HookState


@dataclass(frozen=True)
class Seed:
    """A source of ids, choices and times before `now` that depend only on the number, not on what else is seeded."""

    number: int
    now: datetime

    def id(self, kind: Literal["in02", "br02"], *what: object) -> str:
        """Return an id in the form of console.text.ids.new_id()."""
        return self._bytes(*what).hex() + kind

    def uuid(self, *what: object) -> UUID:
        return UUID(bytes=self._bytes(*what))

    def chance(self, *what: object) -> random.Random:
        return random.Random(self._bytes("chance", *what))  # noqa: S311 - the same every time, nothing secret

    def ago(self, **time: float) -> datetime:
        return self.now - timedelta(**time)

    def _bytes(self, *what: object) -> bytes:
        return hashlib.sha256("/".join(map(str, (self.number, *what))).encode()).digest()[:16]


@dataclass(frozen=True)
class Event:
    """A past event for the audit."""

    time: datetime
    trace: str
    resource: Resource
    outcome: Outcome = Outcome.SUCCEEDED
    reason: str = ""


def make_users(password: str) -> list[str]:
    """Make a user for each role, named after the role. Return the names of the new users."""
    made = []
    for role in Role:
        name = slugify(role.value)
        if not User.objects.filter(username=name).exists():
            account.create_user(name=name, password=password, role=role, requested_by=None)
            made.append(name)
    return made


def administrator() -> User | None:
    """Return the user who requested the seeded work."""
    return User.objects.filter(is_superuser=True).order_by("pk").first()


def write_events(events: list[Event], user: User | None) -> None:
    for event in sorted(events, key=lambda event: event.time):
        AuditEvent.objects.create(
            time=event.time,
            user=user,
            user_name=user.get_username() if user else "",
            trace=event.trace,
            resource_type=event.resource.type,
            resource_id=event.resource.id,
            resource_name=event.resource.name,
            address="127.0.0.1" if user else None,
            outcome=event.outcome,
            reason=event.reason,
        )


def forget() -> None:
    """Delete the audit, all users except superusers, and the sign-in lockouts.

    No other code deletes from the append-only audit.
    """
    models.QuerySet(AuditEvent).delete()
    User.objects.filter(is_superuser=False).delete()
    throttle.forget()
    HookState.objects.all().delete()
    audit.record("consoleReset", user=None, resource=Resource())
