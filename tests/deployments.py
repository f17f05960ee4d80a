"""Existing deployments for tests: SecantusDB servers that the console did not start and does not supervise.

    with Deployment(tmp_path) as deployment:
        with deployment.client() as client: ...
        access = deployment.access()

The fixtures in conftest.py share servers between tests, and give each test an empty one.
"""

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import pymongo
from pymongo.errors import PyMongoError

from console.testing.ports import free_port
from instances.engines.base import Access, Client
from tests.certificates import Authority
from tests.waiting import wait_for

USER = "backup@office"
# Every character that a connection string, a shell or a log would treat specially.
PASSWORD = "p@ss:w/r%d?#&'\"$ü"
SET = "secantus"
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1"]


@dataclass(frozen=True)
class Tls:
    """What a server with TLS uses: its certificate, and the authority that clients trust and get certificates from."""

    authority: Authority
    certificate: Path
    require_client: bool = False

    @property
    def options(self) -> list[str]:
        key = self.certificate.with_suffix(".key")
        options = ["--tls-cert-file", str(self.certificate), "--tls-key-file", str(key)]
        options += ["--tls-ca-file", str(self.authority.path)]
        return [*options, "--tls-require-client-cert"] if self.require_client else options


class Deployment:
    """A server with authentication, and a context manager that starts and kills it.

    USER has the role root, unless `users` is false or `authentication` is off. `replica_set` makes it a replica set of
    one member, else it is a standalone.
    """

    def __init__(
        self,
        home: Path,
        *,
        replica_set: bool = True,
        tls: Tls | None = None,
        users: bool = True,
        authentication: bool = True,
    ) -> None:
        self.home, self.replica_set, self.tls = home, replica_set, tls
        self.authentication, self.users = authentication, authentication and users
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._databases_with_users = {"admin"}

    def __enter__(self) -> Self:
        if not self.users:
            self.start()
            return self
        self._start()
        # The server creates no first user once it asks for a password.
        with _driver(self.port) as client:
            client.admin.command("createUser", USER, pwd=PASSWORD, roles=["root"], mechanisms=MECHANISMS)
            client.admin.command("fsync")
        self.kill()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process and self.process.poll() is None:
            self.kill()

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process
        return self.process

    @property
    def pid(self) -> int:
        return self.running.pid

    @property
    def address(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/" + (f"?replicaSet={SET}" if self.replica_set else "")

    def access(self, **changes: Any) -> Access:
        """Return how the console reaches the server as USER, with these fields changed."""
        access = Access(address=self.address, user=USER, password=PASSWORD)
        if self.tls:
            access = replace(access, tls=True, ca=self.tls.authority.path.read_text())
        return replace(access, **changes)

    def client(self, user: str = USER, password: str = PASSWORD, **options: Any) -> Client:
        """Return a driver, signed in as this user; the caller closes it."""
        if self.tls:
            options = {"tls": True, "tlsCAFile": str(self.tls.authority.path)} | options
        return _driver(self.port, username=user, password=password, **{"authSource": "admin"} | options)

    def create_user(
        self, name: str, roles: Iterable[Any], *, password: str = PASSWORD, database: str = "admin"
    ) -> None:
        """Create a user, or replace the one of this name. A role is a name, or a document with its database."""
        self._databases_with_users.add(database)
        with self.client() as client:
            with contextlib.suppress(PyMongoError):
                client[database].command("dropUser", name)
            client[database].command("createUser", name, pwd=password, roles=list(roles), mechanisms=MECHANISMS)

    def create_x509_user(self, subject: str, roles: Iterable[Any]) -> None:
        """Create a user that signs in by a client certificate with this subject, such as "CN=backup"."""
        self._databases_with_users.add("$external")
        granted = [{"role": role, "db": "admin"} if isinstance(role, str) else role for role in roles]
        with self.client() as client:
            client["$external"].command("createUser", subject, roles=granted, mechanisms=["MONGODB-X509"])

    def start(self) -> None:
        """Start the server and wait until it listens."""
        self._start(*(["--auth"] if self.authentication else []), *(self.tls.options if self.tls else ()))

    def _start(self, *options: str) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-P", "-m", "secantus", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--storage-path", str(self.home / "data"), "--log-level", "WARNING", "--cache-size", "128M"]
        # Without a file of its own, the server would look for settings in the directory where the tests run.
        (self.home / "secantusd.toml").touch()
        command += ["--config", str(self.home / "secantusd.toml"), *options]
        if not self.replica_set:
            command.append("--standalone")
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for(self._listens, because="the deployment")

    def _listens(self) -> bool:
        assert self.running.poll() is None, self.log()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def log(self) -> str:
        return (self.home / "log").read_text()

    def stop(self) -> None:
        """End the server as its administrator would: nothing that was written is lost."""
        self.running.send_signal(signal.SIGTERM)
        # The server waits two seconds for its listening thread, unless a connection wakes it.
        wait_for(lambda: not self._wakes(), because="the end of the deployment")
        self.running.wait()

    def _wakes(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return self.running.poll() is None
        return False

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        """End the server at once. What it wrote last may be lost."""
        self.running.kill()
        self.running.wait()

    def pause(self) -> None:
        """Let the server answer nothing until resume(); connections to it still succeed."""
        self.running.send_signal(signal.SIGSTOP)
        # The signal takes effect a little later, when each thread has stopped.
        tasks = Path(f"/proc/{self.pid}/task")
        wait_for(lambda: all(_state(task / "stat") in "TXZ" for task in tasks.iterdir()), because="the pause")

    def resume(self) -> None:
        self.running.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def clear(self) -> None:
        """Drop all databases, and all users and roles except USER that these databases or create_user() had."""
        with self.client() as client:
            found = set(client.list_database_names())
            for database in (client[name] for name in found | self._databases_with_users):
                for user in database.command("usersInfo", 1)["users"]:
                    if user["user"] != USER:
                        database.command("dropUser", user["user"])
                for role in database.command("rolesInfo", 1)["roles"]:
                    database.command("dropRole", role["role"])
            for name in found - {"admin", "config", "local"}:
                client.drop_database(name)


def _driver(port: int, **options: Any) -> Client:
    return pymongo.MongoClient(
        "127.0.0.1", port, directConnection=True, **{"serverSelectionTimeoutMS": 5000, "retryReads": False} | options
    )


def _state(stat: Path) -> str:
    """Return the letter for the state of a thread; X if it has ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"
