"""Ports for test consoles, below the range from which the system assigns ports to clients.

Each pytest-xdist worker has its own share and hands out each port once, so that no console gets a port that another
one has just released.
"""

import os
import secrets
import socket
from collections.abc import Mapping

_ALL = range(12_000, 32_000)


def share(environment: Mapping[str, str]) -> range:
    """Return the ports of the worker with this environment; all ports without pytest-xdist."""
    worker = int(environment.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    # A worker that replaces a crashed one has a number beyond the worker count.
    workers = max(int(environment.get("PYTEST_XDIST_WORKER_COUNT", "1")), worker + 1)
    size = len(_ALL) // workers
    return _ALL[worker * size : (worker + 1) * size]


_share = share(os.environ)
# Start at a random port, because several runs may share the machine.
_given = secrets.randbelow(len(_share))


def free_ports(count: int) -> int:
    """Return the first of `count` consecutive ports that nothing else in this run gets until the share is used up."""
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
