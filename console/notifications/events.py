"""Report what happened: write the event, and a delivery for each channel that wants it.

Call these functions in the transaction in which the thing happened, so that both are written or neither is.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from console.notifications.choices import EventKind
from console.notifications.models import Channel, Delivery, Event
from console.text.messages import Message

# How long events and deliveries are kept.
KEPT = timedelta(days=60)
PATH_MAX_LENGTH = 255


def report(kind: EventKind, message: Message, *, path: str = "", lasting: str = "") -> Event | None:
    """Write the event and its deliveries.

    `lasting` names a condition that lasts, such as "host:local": it is reported once, and again only after end() was
    called. Return None if it has been reported already.
    """
    try:
        with transaction.atomic():
            if lasting and Event.objects.filter(lasting=lasting).exists():
                return None
            path = path if len(path) <= PATH_MAX_LENGTH else ""
            event = Event.objects.create(kind=kind, message=message, path=path, lasting=lasting or None)
            wanting = [channel for channel in Channel.objects.filter(enabled=True) if channel.wants(kind)]
            Delivery.objects.bulk_create(Delivery(channel=channel, event=event) for channel in wanting)
            return event
    except IntegrityError:
        # Another agent has just reported the same condition.
        if not lasting:
            raise
        return None


def end(*lasting: str) -> None:
    """End lasting conditions, so that they are reported when they come again."""
    Event.objects.filter(lasting__in=lasting).update(lasting=None)


def lasting_of(kind: EventKind) -> Collection[str]:
    """Return the conditions of this kind that last."""
    reported = Event.objects.filter(kind=kind, lasting__isnull=False).values_list("lasting", flat=True)
    return {name for name in reported if name}


def forget(now: datetime) -> None:
    """Delete old deliveries that have ended, and old events."""
    old = now - KEPT
    Delivery.objects.filter(created__lt=old).exclude(pk__in=Delivery.objects.unended().values("pk")).delete()
    Event.objects.filter(time__lt=old, lasting=None).exclude(deliveries__isnull=False).delete()
