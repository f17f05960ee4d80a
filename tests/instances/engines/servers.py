"""Real servers for the tests of the engine: started as the agent starts them, stopped or killed by the test."""

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pymongo

from instances.engines import embedded
from instances.engines.base import Contents, Cut
from instances.engines.base import Server as Address
from instances.engines.embedded import process
from tests.waiting import wait_for

PASSWORD = "Secret-123"
Client = pymongo.MongoClient[dict[str, Any]]


class Server:
    """The server of an instance's home; a context manager that ends it. `client()` signs in as the administrator."""

    def __init__(self, home: Path, *, replica_set: bool = True, descriptors: int = 0) -> None:
        self.home, self.replica_set, self.descriptors = home, replica_set, descriptors
        self.port = process.free_port()
        process.prepare(home)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        return Address(self.port, self.home)

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process
        return self.process

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            process.stop(self.process)

    def start(self, *, wait: bool = True) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        if self.descriptors:
            # The child inherits the limit, and may not raise it.
            resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE, (self.descriptors, before[1]))
        try:
            self.process = process.spawn(self.home, self.port, replica_set=self.replica_set)
            if self.descriptors:
                resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        if wait:
            wait_for(self._answers, because="the database server")

    def _answers(self) -> bool:
        assert self.running.poll() is None, self.log()
        return embedded().alive(self.address)

    def log(self) -> str:
        return (self.home / "server.log").read_text()

    def kill(self) -> None:
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()

    def client(self, user: str = "rwuser", password: str = PASSWORD, **options: Any) -> Client:
        """A driver that is signed in. The administrator gets the password here if there is none yet."""
        if user == "rwuser" and password == PASSWORD:
            embedded().set_password(self.address, PASSWORD)
        return pymongo.MongoClient(
            "127.0.0.1",
            self.port,
            username=user,
            password=password,
            authSource="admin",
            directConnection=True,
            **{"serverSelectionTimeoutMS": 5000} | options,
        )


def copy(cut: Cut, home: Path) -> Contents:
    """Copy the members of the cut to where a server with this home finds them; return what the cut says it holds."""
    process.prepare(home)
    for member in cut.members:
        with (home / member.name).open("wb") as file:
            for block in member.read():
                file.write(block)
    return cut.contents()


def back_up(server: Server, home: Path) -> Contents:
    with embedded().backup(server.address) as cut:
        return copy(cut, home)


def inspect(server: Server) -> Contents:
    return embedded().inspect(server.address, lambda _done, _total: None)


@contextmanager
def restored(home: Path) -> Iterator[Server]:
    with Server(home) as server:
        yield server


def documents_of(contents: Contents) -> dict[str, int]:
    return {
        f"{database.name}.{collection.name}": collection.documents
        for database in contents.databases
        for collection in database.collections
    }
