"""Heartbeats of hosts that have rows but no agent, so that they stay online."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from tests.e2e.console import Console

# Hosts whose last heartbeat is older have been made offline by a test.
_RECENT = timedelta(minutes=10)


@contextmanager
def heartbeats(console: Console, *hosts: str) -> Iterator[None]:
    """Write heartbeats during the block, except for hosts that a test makes offline or that do not exist."""
    stopped = threading.Event()

    def write() -> None:
        while not stopped.is_set():
            for host in hosts:
                if console.hosts.last(name=host).get("seen", "") > _text(datetime.now(UTC) - _RECENT):
                    beat(console, host)
            stopped.wait(3)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def beat(console: Console, host: str) -> None:
    """Write one heartbeat, which makes the host online."""
    console.hosts.change({"name": host}, seen=_text(datetime.now(UTC)))


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"
