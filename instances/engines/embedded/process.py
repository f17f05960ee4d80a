"""Server processes and their homes: start and stop a server, find a port, and handle the files in its home."""

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

from console.text.messages import Message
from instances.engines.base import REPLICA_SET, FilesInUse

LOOPBACK = "127.0.0.1"
# A server locks this file in its home for as long as it runs.
LOCK_NAME = "server.lock"
STOP_SECONDS = 10.0
# A server whose agent has died ends within this time.
_FREE_SECONDS = 15.0
_ROOM = str(Path(__file__).parent)
_LOGGED = re.compile(r"\d{4}-\d\d-\d\d ")
# How the launcher's sentence about files that no server can have left begins.
_REJECTED = ("The database files contain ", "The database files are incomplete: ")
_LOG_LIMIT = 4 * 1024 * 1024
# With fewer free bytes than this, a server cannot write, since its log files are 10 MB each. As in the launcher.
_NO_SPACE = 16 * 1024 * 1024
# The user that the agent signs in as. Clients cannot see it.
_AGENT = "console-agent"
# The file with credentials that the next server gives to the administrator before it listens.
WAITING_ADMINISTRATOR = "administrator.json"


def data_dir(home: Path) -> Path:
    """Return the directory that holds the database files of this home."""
    return home / "data"


def bindable(port: int) -> bool:
    """Return whether a server could listen on the port now, at the address that instances listen on."""
    bind = settings.CONSOLE_DB_BIND
    with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Like the server, accept a port whose last connections are still in TIME_WAIT.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a port of the loopback interface that nothing listens on now, for a private server."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def prepare(home: Path) -> None:
    """Create an instance's home with an empty data directory, readable only by its owner."""
    for directory in (home.parent, home, data_dir(home)):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)


def agent(home: Path) -> tuple[str, str]:
    """Return the name and password of the agent's user in this home, and generate them if there are none yet."""
    path = home / "agent.json"
    if not path.exists():
        write_secret(path, {"user": _AGENT, "password": secrets.token_urlsafe(32)})
    known = json.loads(path.read_bytes())
    return known["user"], known["password"]


def write_secret(path: Path, document: dict[str, object]) -> None:
    """Write a file that only the owner can read, completely or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def address() -> str:
    """Return the address at which programs on this host reach its instances."""
    bind = settings.CONSOLE_DB_BIND
    return LOOPBACK if bind == "0.0.0.0" else "::1" if bind == "::" else bind  # noqa: S104 - compared only


def spawn(home: Path, port: int, *, replica_set: bool = False, private: bool = False) -> subprocess.Popen[bytes]:
    """Start the server on the files in this home without waiting for it to answer.

    A `private` server is for the console alone: it listens on loopback and keeps expired documents. Main thread only,
    because the server ends together with the thread that started it.
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
            # Run as `launcher`, because as a part of `instances` it would import the console into the server.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (_ROOM, os.environ.get("PYTHONPATH"))))},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # In its own session the server does not get the terminal's Ctrl-C: `up` stops the processes in order.
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], *, seconds: float = STOP_SECONDS) -> None:
    """Ask the server to end, kill it after `seconds`, and wait until it has ended."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


@contextlib.contextmanager
def exclusive(home: Path, *, seconds: float = _FREE_SECONDS) -> Iterator[None]:
    """Lock this home's files against all servers, waiting for one that is ending. Raises FilesInUse after `seconds`."""
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise FilesInUse(Message("server.files_in_use", folder=home)) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def last_words(home: Path) -> str:
    """Return the sentence that the server wrote when it ended; "" if it wrote none, for example if it was killed.

    On a full disk, return that instead: the server may not have been able to write anything.
    """
    if disk_is_full(home):
        return Message("server.disk_full")
    try:
        with (home / "server.log").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    # Every line of the log begins with its time, except the launcher's final sentence.
    return "" if not lines or _LOGGED.match(lines[-1]) else lines[-1]


def disk_is_full(home: Path) -> bool:
    """Return whether the disk of this home has too little free space for a server."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(home).free < _NO_SPACE
    return False


def rejected_files(home: Path) -> bool:
    """Return whether the server ended because files are missing, or contain something that no server wrote."""
    return last_words(home).startswith(_REJECTED)


def storage_bytes(home: Path) -> int:
    """Return the total size of the database files in this home, with their logs."""
    total = 0
    with contextlib.suppress(FileNotFoundError):
        for file in data_dir(home).iterdir():
            with contextlib.suppress(FileNotFoundError):
                total += file.stat().st_size
    return total


def put_aside(home: Path) -> None:
    """Take the files of a stopped server out of use in one step. take_back() undoes it."""
    if home.exists():
        home.rename(_aside(home))


def take_back(home: Path) -> None:
    """Put files that were put aside back into use."""
    if _aside(home).exists() and not home.exists():
        _aside(home).rename(home)


def discard_aside(home: Path) -> None:
    """Delete the files that were put aside."""
    if _aside(home).exists():
        shutil.rmtree(_aside(home))


def _aside(home: Path) -> Path:
    return home.with_name(f"{home.name}.deleted")
