"""The bell: the latest events, and how many of them the user has not read."""

import hashlib
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Subquery, Value
from django.db.models.functions import Coalesce

from console.notifications.models import BellRead, Event

SHOWN = 20


@dataclass(frozen=True)
class BellEvent:
    event: Event
    unread: bool


@dataclass(frozen=True)
class Bell:
    """The latest events, newest first. `more`: there are unread ones beyond them."""

    events: list[BellEvent]
    more: bool

    @property
    def unread(self) -> int:
        return sum(each.unread for each in self.events)

    @property
    def count(self) -> str:
        """The number of unread events as the bell shows it; "" if there are none."""
        return f"{self.unread}+" if self.more else str(self.unread or "")

    @property
    def newest(self) -> int:
        return self.events[0].event.pk if self.events else 0

    @property
    def version(self) -> str:
        """Change with everything that the bell shows but the language and the age of events."""
        return hashlib.sha256(repr((self.newest, self.count)).encode()).hexdigest()[:8]


def bell_of(user: User) -> Bell:
    """Return the user's bell, in one query because every page has it. Events before the user's time are not news."""
    until = Subquery(BellRead.objects.filter(user=user).values("until")[:1])
    found = Event.objects.annotate(read=Coalesce(until, Value(0))).order_by("-id")[: SHOWN + 1]
    shown = [BellEvent(event, event.pk > event.read and event.time >= user.date_joined) for event in found]
    return Bell(shown[:SHOWN], more=len(shown) > SHOWN and shown[SHOWN].unread)
