"""Clients that write to an instance, each in its own process running tests.bench.write."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tests.instances.engines.servers import Server

Result = TypeVar("Result")


@dataclass(frozen=True)
class Write:
    """An acknowledged write: when it was sent (seconds since the epoch), and how long its answer took."""

    sent: float
    seconds: float


def writes_during(
    server: Server, clients: int, what: Callable[[], Result], operation: str = "insert"
) -> tuple[list[Write], Result]:
    """Call `what` while that many clients write; return every write since just before the call, and its result."""
    # Create the client now: the first client sets the administrator's password.
    server.client().close()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.write", str(server.port), operation],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(clients)
    ]
    try:
        for process in running:
            assert process.stdout and process.stdout.readline() == "writing\n"
        result = what()
    finally:
        for process in running:
            assert process.stdin
            process.stdin.close()
    writes = []
    for process in running:
        assert process.stdout
        with process.stdout as lines:
            writes += [Write(*json.loads(line)) for line in lines]
        process.wait()
    return writes, result
