"""Clients that write to an instance, each in a process of its own as tests.bench.write."""

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
    """An acknowledged write: when it was sent (seconds since the epoch), and how long its reply took."""

    sent: float
    seconds: float


def writes_during(
    server: Server, clients: int, what: Callable[[], Result], operation: str = "insert"
) -> tuple[list[Write], Result]:
    """Every write of so many clients from before `what` is called until it returns, and what it returned."""
    # The administrator's password is set by the first.
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
