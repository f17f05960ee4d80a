"""Ports for the consoles of tests, below those that the system gives to clients for their ends of a connection.

Each worker of pytest-xdist has a share of its own, and hands out each port once: what one console has left, another
one that runs at the same time does not find.
"""

import os
import secrets
import socket
from collections.abc import Mapping

_ALL = range(12_000, 32_000)


def share(environment: Mapping[str, str]) -> range:
    """Return the ports of the worker that has this environment; all of them without pytest-xdist."""
    worker = int(environment.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    # A worker that replaces one that has crashed has a number beyond their count.
    workers = max(int(environment.get("PYTEST_XDIST_WORKER_COUNT", "1")), worker + 1)
    size = len(_ALL) // workers
    return _ALL[worker * size : (worker + 1) * size]


_share = share(os.environ)
# Several runs may be under way on one machine.
_given = secrets.randbelow(len(_share))


def free_ports(count: int) -> int:
    """Return the first of so many ports in a row, which nobody else in this run gets."""
    global _given
    if _given + count > len(_share):
        _given = 0
    first = _share[_given]
    _given += count
    return first


def free_port() -> int:
    """Return a port on 127.0.0.1 that nothing listens on."""
    while True:
        port = free_ports(1)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
