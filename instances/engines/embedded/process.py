"""One database server process: how it is started and stopped, and the files that it keeps."""

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from console.text.sentences import sentence as _

LOOPBACK = "127.0.0.1"
# A server holds a lock on this file of its home for its life.
LOCK_NAME = "server.lock"
STOP_SECONDS = 10.0
# Longer than a server whose agent has died takes to end.
_FREE_SECONDS = 15.0
_ROOM = str(Path(__file__).parent)
_LOGGED = re.compile(r"\d{4}-\d\d-\d\d ")
_LOG_LIMIT = 4 * 1024 * 1024
# The user that the agent signs in as. The server shows it to nobody.
_AGENT = "console-agent"
REPLICA_SET = "rs0"
# The credentials that the next server gives the administrator before it listens.
WAITING_ADMINISTRATOR = "administrator.json"


class FilesInUse(Exception):
    """A server still uses the files of its instance."""


def data_dir(home: Path) -> Path:
    """Where the server of the instance with this home keeps its database files."""
    return home / "data"


def bindable(port: int) -> bool:
    """True if a server could listen on the port now, at the address that instances listen on."""
    bind = settings.CONSOLE_DB_BIND
    with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server does: a port whose last connections are still in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nothing listens on now, for a server that lives a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def prepare(home: Path) -> None:
    """Make an instance's home with its empty data directory, readable by its owner only."""
    for directory in (home.parent, home, data_dir(home)):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def agent(home: Path) -> tuple[str, str]:
    """Return the user and the password of the agent on the instance with this home; they are made when first asked."""
    path = home / "agent.json"
    if not path.exists():
        write_secret(path, {"user": _AGENT, "password": secrets.token_urlsafe(32)})
    known = json.loads(path.read_bytes())
    return known["user"], known["password"]


def write_secret(path: Path, document: dict[str, object]) -> None:
    """Write a file that only the owner can read: all of it or nothing."""
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def address() -> str:
    """Return the address at which this host's own programs reach its instances."""
    bind = settings.CONSOLE_DB_BIND
    return LOOPBACK if bind == "0.0.0.0" else "::1" if bind == "::" else bind  # noqa: S104 - compared only


def spawn(home: Path, port: int, *, replica_set: bool = False, private: bool = False) -> subprocess.Popen[bytes]:
    """Start the server of the instance with this home; it answers a little later.

    A `private` server is for the console alone and listens on loopback. Only for the main thread: the server ends when
    the thread that started it does.
    """
    agent(home)
    log = home / "server.log"
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(home / "server.log.1")
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        return subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "launcher"),
                *("--home", str(home), "--port", str(port), "--parent-pid", str(os.getpid())),
                *("--cache-mb", str(settings.CONSOLE_DB_CACHE_MB)),
                *("--oplog-entries", str(settings.CONSOLE_DB_OPLOG_ENTRIES)),
                *(("--replica-set", REPLICA_SET) if replica_set else ()),
                *(("--no-ttl",) if private else ("--bind", settings.CONSOLE_DB_BIND)),
                *(
                    ("--tls-certificate", settings.CONSOLE_DB_TLS_CERTIFICATE)
                    if settings.CONSOLE_DB_TLS_CERTIFICATE
                    else ()
                ),
                *(("--tls-key", settings.CONSOLE_DB_TLS_KEY) if settings.CONSOLE_DB_TLS_KEY else ()),
            ],
            # As `launcher`, and not as a part of `instances`, which would import the console.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (_ROOM, os.environ.get("PYTHONPATH"))))},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A session of its own: the terminal's Ctrl-C is for `up` alone, which stops the tree in order.
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], *, seconds: float = STOP_SECONDS) -> None:
    """Ask the server to end, make it end after `seconds`, and wait until it has."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


@contextlib.contextmanager
def exclusive(home: Path, *, seconds: float = _FREE_SECONDS) -> Iterator[None]:
    """No server of this home runs, or starts, inside: waits for one that is ending. Raises FilesInUse."""
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise FilesInUse(_("A database server still uses the files in %s.") % home) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def last_words(home: Path) -> str:
    """Return the sentence with which the server ended; empty if it wrote none, as when it was killed."""
    try:
        with (home / "server.log").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    # Lines of the log begin with their time, the launcher's last sentence does not.
    return "" if not lines or _LOGGED.match(lines[-1]) else lines[-1]


def put_aside(home: Path) -> None:
    """Take the instance's files out of use in one step; the server is stopped. Undone by take_back()."""
    if home.exists():
        home.rename(_aside(home))


def take_back(home: Path) -> None:
    """Put files that were put aside back into use."""
    if _aside(home).exists() and not home.exists():
        _aside(home).rename(home)


def discard_aside(home: Path) -> None:
    """Remove the files that were put aside, for good."""
    if _aside(home).exists():
        shutil.rmtree(_aside(home))


def _aside(home: Path) -> Path:
    return home.with_name(f"{home.name}.deleted")
