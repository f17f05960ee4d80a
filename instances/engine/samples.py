"""Data directories full of documents, made by the engine itself, before any instance has them."""

import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from instances.engine import demo, process
from instances.engine.client import EngineError, ping
from instances.engine.facts import Facts, facts

_START_SECONDS = 60.0


@dataclass(frozen=True)
class Sample:
    """The home of an instance that is none: its data directory, and what the server that filled it said of itself."""

    home: Path
    facts: Facts


def make(room: Path, kinds: Iterable[str], *, more: int = 0) -> dict[str, Sample]:
    """A sample of each kind that demo.load() knows, in a directory of that name, with so many documents more.

    Their servers have ended when this returns. Only for the main thread. Raises EngineError.
    """
    servers: dict[str, tuple[Path, int, subprocess.Popen[bytes]]] = {}
    try:
        for kind in kinds:
            home, port = room / kind, process.free_port()
            process.prepare(home)
            servers[kind] = home, port, process.spawn(home, port)
        samples = {}
        for kind, (home, port, server) in servers.items():
            _wait(home, port, server)
            demo.load(port, kind)
            demo.load_more(port, kind, more)
            samples[kind] = Sample(home, facts(port, home))
        return samples
    finally:
        for _home, _port, server in servers.values():
            process.stop(server)


def _wait(home: Path, port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not ping(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise EngineError(process.last_words(home) or "The database server did not answer.")
        time.sleep(0.05)
