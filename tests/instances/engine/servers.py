"""Starting real database servers for tests."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from instances.engine import client, commands
from instances.engine.calls import Engine
from instances.engine.wire import Document
from tests.waiting import wait_for

_IMPATIENT = (
    "import sys; from instances.engine import server; vars(server).update({changes!r}); sys.exit(server.main())"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def spawn(
    home: Path, port: int, *, parent: int | None = None, changes: Mapping[str, float] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server whose output goes to home/server.log; `changes` are other values of its constants."""
    program = ["-c", _IMPATIENT.format(changes=dict(changes))] if changes else ["-m", "instances.engine.server"]
    options = ["--home", str(home), "--port", str(port), "--parent-pid", str(parent or os.getpid())]
    with (home / "server.log").open("ab") as log:
        return subprocess.Popen([sys.executable, *program, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def run(engine: Engine, body: Document, database: str = "shop") -> Document:
    """Have an engine without a server run one command."""
    return commands.run(engine, {**body, "$db": database}, owner="test")


class Server:
    """A server that answers, and how a test ends it."""

    def __init__(self, home: Path, *, changes: Mapping[str, float] | None = None) -> None:
        self.home, self.port = home, free_port()
        self._changes = changes
        self.start()

    def start(self) -> None:
        self.process = spawn(self.home, self.port, changes=self._changes)
        wait_for(lambda: client.ping(self.port) or self.process.poll() is not None, because="the server's answer")
        assert self.process.poll() is None, self.log()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(15)

    def log(self) -> str:
        return (self.home / "server.log").read_text()

    @property
    def files(self) -> set[str]:
        return {file.name for file in (self.home / "data").iterdir()}
