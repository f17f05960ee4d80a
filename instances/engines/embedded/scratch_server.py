"""A short-lived server for the console alone, run by the main thread of a process without a supervisor."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from console.text.messages import Message
from instances.engines.base import EngineError, Server
from instances.engines.embedded import process
from instances.engines.embedded.facts import Watch

_START_SECONDS = 60.0


@contextmanager
def running(home: Path) -> Iterator[Server]:
    """Run a server on the files in `home`. Main thread only. Raises EngineError."""
    server = Server(process.free_port(), home, private=True)
    spawned = process.spawn(home, server.port, private=True)
    try:
        _wait(server, spawned)
        yield server
    finally:
        process.stop(spawned)


def _wait(server: Server, spawned: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    with closing(Watch(server)) as watch:
        while not watch.alive():
            if spawned.poll() is not None or time.monotonic() > deadline:
                raise EngineError(
                    process.last_words(server.home) or Message("server.start_timed_out", seconds=int(_START_SECONDS))
                )
            time.sleep(0.05)
