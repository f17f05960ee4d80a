"""A temporary PostgreSQL cluster for the tests, run by the distribution's programs.

Existing clusters on the machine are not touched. The only access is a socket in the temporary directory.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg

from tests import packages
from tests.waiting import wait_for

MISSING = """No PostgreSQL for the tests on it, and none could be installed. Do one of these and run the tests again:
  apt-get install postgresql                (as root, on Debian or Ubuntu)
  DATABASE_URL=postgresql://...             (one of yours; its user must be allowed to create databases)"""
# PostgreSQL refuses to run as root, so root runs it as the first of these users that exists.
UNPRIVILEGED = ("postgres", "nobody")


def find() -> Path | None:
    """Return the directory of the newest PostgreSQL server's programs, or None if there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    newest = max(found, key=_version, default=None)
    if newest:
        return newest
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path and shutil.which("initdb") else None


def install() -> Path:
    """Install a server if needed; return its programs. If that fails, exit with a message that says what to do."""
    if found := find():
        return found
    print("Installing PostgreSQL for the tests on it.", flush=True)
    if packages.install("postgresql") and (found := find()):
        return found
    sys.exit(MISSING)


def _version(programs: Path) -> int:
    told = re.search(r"\d+", programs.parent.name)
    return int(told.group()) if told else 0


class Cluster:
    """A running server with an empty database `console`, as a context manager that removes it.

    If not `durable`, the server is faster but does not survive a crash of the machine.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.programs = install()
        self.durable = durable
        self.directory = Path(tempfile.mkdtemp(prefix="console-pg-"))
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the value for DATABASE_URL."""
        return f"postgresql://console@{quote(str(self.directory), safe='')}/console"

    def __enter__(self) -> Self:
        try:
            self._make()
            self.start()
            with self.connect("postgres") as connection:
                connection.execute("CREATE DATABASE console")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self, database: str = "console") -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(host=str(self.directory), user="console", dbname=database, autocommit=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {"unix_socket_directories": self.directory, "listen_addresses": "", "max_connections": 200}
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            # The server ends with the process that started it; Ctrl-C must not reach it directly.
            self._process = subprocess.Popen(
                self._as_owner("--pdeathsig", "INT", self.programs / "postgres", "-D", self.data, *settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers, because="PostgreSQL")

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT disconnects all clients; SIGQUIT resembles a crash."""
        if self._process:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError("PostgreSQL did not start:\n" + self.log.read_text())
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _make(self) -> None:
        if owner := _owner():
            os.chown(self.directory, owner.pw_uid, owner.pw_gid)
        # Sort by the rules of a language, where ICU is available, to find code that must not depend on the sort order.
        icu = ["--locale-provider=icu", "--icu-locale=en-US"] if _version(self.programs) >= 15 else []
        made = subprocess.run(
            self._as_owner(
                *(self.programs / "initdb", "-D", self.data, "-U", "console", "-A", "trust", "-E", "UTF8"),
                *("--locale=C.UTF-8", *icu, "--no-sync"),
            ),
            capture_output=True,
            text=True,
            cwd="/",
        )
        if made.returncode:
            raise AssertionError(f"initdb failed:\n{made.stdout}{made.stderr}")

    def _as_owner(self, *command: str | Path) -> list[str]:
        """Return the command; if this is root, setpriv runs it as the owner. Options of setpriv come first."""
        owner = _owner()
        become = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"] if owner else []
        return ["setpriv", *become, *map(str, command)]


def _owner() -> pwd.struct_passwd | None:
    """Return None if this user can run the server; for root, return a user that PostgreSQL accepts."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)
