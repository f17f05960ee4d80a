"""Report hosts that go offline to the channels and the bell."""

import time
from datetime import datetime
from typing import Any

from console.notifications import events
from console.notifications.choices import EventKind
from console.text.messages import Message
from instances import hosts
from instances.models.host import offline_after


class OfflineCheck:
    """Reports each needed host that is offline: once until it is online again.

    One agent sees that another has stopped. After an outage of the console database, every heartbeat is old until its
    agent writes the next one, so a host counts only after this process has seen the same old heartbeat for a while.
    """

    def __init__(self) -> None:
        # By the host's name: its old heartbeat, and the time.monotonic() at which this process saw it first.
        self._since: dict[str, tuple[Any, float]] = {}

    def __call__(self, now: datetime) -> None:
        """Check all hosts. The agent calls this every few seconds; several agents report a host once."""
        since, moment, online = {}, time.monotonic(), []
        for host in hosts.shown():
            if host.is_online(now):
                online.append(_lasting(host.name))
            elif host.seen and host.is_needed:
                known = self._since.get(host.name)
                since[host.name] = known if known and known[0] == host.seen else (host.seen, moment)
                if moment - since[host.name][1] >= offline_after().total_seconds():
                    message = Message("event.host_offline", host=host.name)
                    events.report(EventKind.HOST_OFFLINE, message, path="/", lasting=_lasting(host.name))
        self._since = since
        if lasting := set(online) & set(events.lasting_of(EventKind.HOST_OFFLINE)):
            events.end(*lasting)


def _lasting(host: str) -> str:
    return f"host:{host}"
