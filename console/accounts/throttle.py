"""The limit on wrong passwords: per name and address, and per address for all names together.

Each attempt counts as failed before its password is checked; a correct password undoes that. Otherwise simultaneous
attempts could exceed the limit.
"""

import ipaddress
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import ngettext

from console.accounts.models import FailedAttempts
from console.audit import audited as audit
from console.audit import origin
from console.audit.choices import Outcome
from console.text.messages import Message

# One attempt at a time per name and address in each process: without these locks, simultaneous attempts with the
# correct password would see each other counted as failed.
_LOCKS = [Lock() for _ in range(64)]


class Locked(ValidationError):
    """Too many attempts have failed. The message says how long to wait."""

    def __init__(self, until: datetime) -> None:
        minutes = max(1, math.ceil((until - timezone.now()) / timedelta(minutes=1)))
        sentence = ngettext(
            "Too many failed attempts. Try again in %(minutes)d minute.",
            "Too many failed attempts. Try again in %(minutes)d minutes.",
            minutes,
        )
        super().__init__(sentence % {"minutes": minutes}, code="locked")


@contextmanager
def attempt(name: str, *, trace: str, user: User | None, wrong: str) -> Iterator[None]:
    """Check a password in the `with` block, which raises ValidationError if it is wrong. Audit each failed attempt.

    `user` is None if nobody is signed in yet; `wrong` is the audit's reason for a wrong password. Raises Locked instead
    of running the check if the limit is reached, and instead of the check's own error if this attempt reaches it.
    """
    address = _network(origin.current().address)
    resource = audit.resource_of(user) if user else audit.Resource("user", name=name)

    def refused(reason: str) -> None:
        audit.record(
            trace, user=user, user_name=name, resource=resource, outcome=Outcome.REFUSED, reason=Message(reason)
        )

    with _LOCKS[hash((name, address)) % len(_LOCKS)]:
        try:
            _count(name, address)
        except Locked:
            refused("sign_in.locked")
            raise
        try:
            yield
        except ValidationError:
            refused(wrong)
            _require_unlocked(name, address)
            raise
        FailedAttempts.objects.filter(name=name, address=address).update(failures=0)
        FailedAttempts.objects.filter(name="", address=address, failures__gt=0).update(failures=F("failures") - 1)


def forget(name: str | None = None) -> None:
    """Lift the locks of the name at all addresses; without a name, lift all locks."""
    (FailedAttempts.objects.filter(name=name) if name else FailedAttempts.objects.all()).delete()


def _count(name: str, address: str) -> None:
    """Count the attempt as failed. Raises Locked, and counts nothing, if a limit is already reached."""
    now = timezone.now()
    ends = now + timedelta(minutes=settings.CONSOLE_SIGN_IN_LOCK_MINUTES)
    # A row that ends later than `ends` was written by a wrong clock. Allow a minute, because hosts' clocks may differ.
    FailedAttempts.objects.filter(Q(ends__lte=now) | Q(ends__gt=ends + timedelta(minutes=1))).delete()
    with transaction.atomic():
        for counted, limit in _limits(name).items():
            row, _made = FailedAttempts.objects.select_for_update().get_or_create(
                name=counted, address=address, defaults={"ends": ends}
            )
            if row.failures >= limit:
                raise Locked(row.ends)
            row.failures += 1
            if row.failures >= limit:
                # A lock lasts from the attempt that reaches the limit.
                row.ends = ends
            row.save()


def _require_unlocked(name: str, address: str) -> None:
    """Raise Locked if the name or the address has reached its limit."""
    reached = [Q(name=counted, failures__gte=limit) for counted, limit in _limits(name).items()]
    locked = FailedAttempts.objects.filter(reached[0] | reached[1], address=address).order_by("-ends").first()
    if locked:
        raise Locked(locked.ends)


def _limits(name: str) -> dict[str, int]:
    return {name: settings.CONSOLE_SIGN_IN_ATTEMPTS, "": settings.CONSOLE_SIGN_IN_ATTEMPTS_PER_ADDRESS}


def _network(address: str | None) -> str:
    """Return the address or, for IPv6, its /64 network, because a client can use any address in its /64."""
    if address and ":" in address:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return address or ""
