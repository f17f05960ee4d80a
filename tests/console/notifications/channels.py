"""Make channels for tests, and let a courier work until nothing is on its way."""

import warnings
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from console.notifications import sender, sending
from console.notifications.choices import EventKind, Level
from console.notifications.courier import Courier
from console.notifications.events import report
from console.notifications.models import Channel, Delivery, Event
from console.text.messages import Message
from tests.waiting import wait_for


def make_channel(url: str = "json://127.0.0.1:9/hook", **fields: Any) -> Channel:
    """Create a channel that wants everything."""
    channel = Channel(**{"name": "on-call", "events": EventKind.values, "minimum": Level.INFO, **fields})
    channel.url = url
    channel.save(force_insert=True)
    return channel


def check_here(url: str) -> str:
    """Return what sending.check() returns, by the same function, but without a process of its own."""
    with warnings.catch_warnings():
        # Apprise's plugins load modules that warn of later versions of Python.
        warnings.simplefilter("ignore")
        answered = sender.answer({"url": url, "app": "tests"})
    return sending.explain(answered.outcome, answered.status)


def offline(host: str = "one", **options: Any) -> Event | None:
    return report(EventKind.HOST_OFFLINE, Message("event.host_offline", host=host), **options)


def work(courier: Courier, now: datetime | None = None) -> None:
    """Tick until no attempt is running."""
    now = now or timezone.now()
    courier.tick(now)

    def idle() -> bool:
        courier.tick(now)
        return not courier.busy

    wait_for(idle, seconds=90, because="the courier to be idle")


def later(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("status", flat=True))
