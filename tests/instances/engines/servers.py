"""Real servers for the tests of the engine: started as the agent starts them, stopped or killed by the test."""

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pymongo
from pymongo.errors import PyMongoError

from instances.engines import embedded
from instances.engines.base import Client, Contents, Cut
from instances.engines.base import Server as Address
from instances.engines.embedded import process
from tests.waiting import wait_for

PASSWORD = "Secret-123"


class Server:
    """The server of an instance's home, and a context manager that starts and stops it."""

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
            # The child inherits the limit and cannot raise it.
            resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE, (self.descriptors, before[1]))
        try:
            self.process = process.spawn(self.home, self.port, replica_set=self.replica_set)
            if self.descriptors:
                resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        if wait:
            self.wait_for_answer()

    def wait_for_answer(self) -> None:
        wait_for(self._answers, because="the database server")

    def _answers(self) -> bool:
        assert self.running.poll() is None, self.log()
        return embedded().alive(self.address)

    def log(self) -> str:
        return (self.home / "server.log").read_text()

    def kill(self) -> None:
        self.running.send_signal(signal.SIGKILL)
        self.running.wait()

    def kill_during(self, work: Callable[[Client], None], due: Callable[[], bool]) -> None:
        """Kill the server once `due` is true or a client has finished the work, and start the server again."""

        def until_killed() -> None:
            with suppress(PyMongoError):
                work(client)

        client = self.client(retryWrites=False)
        # Sign in now, so that the work starts at once.
        client.admin.command("ping")
        thread = threading.Thread(target=until_killed)
        thread.start()
        while thread.is_alive() and not due():
            time.sleep(0)
        self.kill()
        thread.join()
        self.start()

    def client(self, user: str = "rwuser", password: str = PASSWORD, **options: Any) -> Client:
        """Return a signed-in driver; set the password first if the user is the administrator."""
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
    """Copy the members of the cut into this home, so that a server can start there; return the contents of the cut."""
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


def documents_of(contents: Contents) -> dict[str, int]:
    return {
        f"{database.name}.{collection.name}": collection.documents
        for database in contents.databases
        for collection in database.collections
    }


def after(seconds: float) -> Callable[[], bool]:
    """Return a condition that becomes true in `seconds` from now."""
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() >= deadline
