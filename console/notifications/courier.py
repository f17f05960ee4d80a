"""Deliver the waiting deliveries. Every agent has a courier, in a thread of its own; each delivery is sent by one.

The deliveries of a channel are sent in order: only the oldest that has not ended is tried. An agent takes it with a
conditional UPDATE that writes a new token. If that agent dies, another sees the token unchanged for too long, and takes
the delivery over: a message may then arrive twice, but none is lost.
"""

import logging
import threading
import time
import uuid
from datetime import datetime, timedelta

from django.db import close_old_connections, connections
from django.db.models import F, Min, Q
from django.utils import timezone

from console.notifications import events
from console.notifications.choices import DeliveryStatus
from console.notifications.messages import outgoing
from console.notifications.models import Delivery, DeliveryQuerySet
from console.notifications.sending import TIME_LIMIT, Sending
from console.processes.outages import Outages
from console.processes.secrets import CannotUnseal
from console.text.errors import DATABASE_UNAVAILABLE, explain_database
from console.text.messages import Message

log = logging.getLogger(__name__)

TICK = 1.0
# Channels that one agent sends to at the same time, so that a slow receiver does not delay the others.
AT_ONCE = 4
# The pauses after a failed attempt; after the last, the delivery is given up.
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 1800, 3600))
# A delivery that has waited for longer says nothing that helps.
TOO_OLD = timedelta(days=1)
# An agent that has not ended an attempt after this many seconds is dead.
ABANDONED_SECONDS = 2 * TIME_LIMIT
FORGET_EVERY = 3600.0


class Courier:
    """Sends deliveries until stop(). Tests call tick() with their own times."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._sending: dict[int, tuple[Delivery, Sending]] = {}
        # The time.monotonic() at which this process first saw each token.
        self._tokens: dict[uuid.UUID | None, float] = {}
        self._forgotten_at = float("-inf")
        self._stopping = threading.Event()
        self._outages = Outages(log)
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End at once. What was being sent is sent again when its token is abandoned."""
        self._stopping.set()
        self._thread.join(1.0)

    @property
    def busy(self) -> bool:
        """True while a message is being sent."""
        return bool(self._sending)

    def _run(self) -> None:
        while not self._stopping.wait(TICK):
            try:
                close_old_connections()
                self.tick(timezone.now())
                self._outages.end("round", "The delivery of notifications succeeds again.")
            except Exception as error:
                # Notifications go on when the cause is gone.
                if isinstance(error, DATABASE_UNAVAILABLE):
                    self._outages.begin("round", explain_database(error), str(error))
                else:
                    self._outages.begin("round", "The delivery of notifications failed", traceback=True)
                connections.close_all()
        for _delivery, sending in self._sending.values():
            sending.stop()
        connections.close_all()

    def tick(self, now: datetime) -> None:
        """End the attempts that are over and begin those that are due. Never wait for a receiver."""
        for key, (delivery, sending) in list(self._sending.items()):
            if not sending.running:
                del self._sending[key]
                self._end(delivery, sending.failure(), now)
        # A stopped clock must not stop the deliveries: a time further away than any pause is wrong.
        is_due = Q(due__lte=now) | Q(due__gt=now + max(PAUSES) + timedelta(minutes=5))
        heads = Delivery.objects.unended().values("channel").annotate(first=Min("id")).values_list("first", flat=True)
        found = list(Delivery.objects.filter(Q(status=DeliveryStatus.SENDING) | is_due, pk__in=list(heads)))
        abandoned = self._abandoned(found)
        for delivery in found:
            if len(self._sending) >= AT_ONCE:
                break
            if delivery.status == DeliveryStatus.WAITING or delivery.token in abandoned:
                self._begin(delivery, now)
        if time.monotonic() - self._forgotten_at > FORGET_EVERY:
            self._forgotten_at = time.monotonic()
            events.forget(now)

    def _abandoned(self, found: list[Delivery]) -> set[uuid.UUID | None]:
        now = time.monotonic()
        tokens = {each.token for each in found if each.status == DeliveryStatus.SENDING}
        tokens -= {delivery.token for delivery, _sending in self._sending.values()}
        self._tokens = {token: self._tokens.get(token, now) for token in tokens}
        return {token for token, since in self._tokens.items() if now - since > ABANDONED_SECONDS}

    def _begin(self, delivery: Delivery, now: datetime) -> None:
        seen = Delivery.objects.filter(pk=delivery.pk, status=delivery.status, token=delivery.token)
        if now - delivery.created > TOO_OLD:
            _give_up(seen, Message("delivery.too_old"), now)
            return
        token = uuid.uuid4()
        attempts = F("attempts") + 1
        if not seen.update(status=DeliveryStatus.SENDING, token=token, attempts=attempts):
            return
        delivery.refresh_from_db()
        try:
            self._sending[delivery.pk] = delivery, Sending.of(outgoing(delivery))
        except CannotUnseal:
            self._end(delivery, Message("delivery.sealed", host=self.host), now)
        except OSError as error:
            log.warning("A notification could not be sent: %s", type(error).__name__)
            self._end(delivery, Message("delivery.crashed"), now)

    def _end(self, delivery: Delivery, failure: str, now: datetime) -> None:
        mine = Delivery.objects.filter(pk=delivery.pk, status=DeliveryStatus.SENDING, token=delivery.token)
        if not failure:
            mine.update(status=DeliveryStatus.DELIVERED, token=None, due=None, ended=now, failure="")
        elif delivery.event_id is None or delivery.attempts > len(PAUSES):
            # A test is tried once: somebody waits for its outcome.
            _give_up(mine, failure, now)
            log.warning("A notification to the channel %s was given up: %s", delivery.channel_id, failure)
        else:
            due = now + PAUSES[delivery.attempts - 1]
            mine.update(status=DeliveryStatus.WAITING, token=None, due=due, failure=failure)


def _give_up(deliveries: DeliveryQuerySet, reason: str, now: datetime) -> None:
    deliveries.update(status=DeliveryStatus.GIVEN_UP, token=None, due=None, ended=now, failure=reason)


def give_up_waiting(channel_id: str) -> None:
    """Give up what waits for a channel that has been turned off."""
    waiting = Delivery.objects.filter(channel=channel_id, status=DeliveryStatus.WAITING, event__isnull=False)
    _give_up(waiting, Message("delivery.channel_off"), timezone.now())
