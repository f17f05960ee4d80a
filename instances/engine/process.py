"""One database server process: how it is started and stopped. Which program it is, only this package knows."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from instances.engine.reason import Reason

# A server holds a lock on this file of its home for its life.
LOCK_NAME = "server.lock"
STOP_SECONDS = 10.0
# Longer than a server whose agent has died takes to end.
_FREE_SECONDS = 15.0
_LOG_LIMIT = 4 * 1024 * 1024


class FilesInUse(Reason):
    """A server still uses the files of its instance."""


def data_dir(home: Path) -> Path:
    """Where the server of the instance with this home keeps its database files."""
    return home / "data"


def bindable(port: int) -> bool:
    """True if a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server does: a port whose last connections are still in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
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


def spawn(home: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server of the instance with this home; it answers a little later.

    Only for the main thread: the server ends when the thread that started it does.
    """
    log = home / "server.log"
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(home / "server.log.1")
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "instances.engine.server"),
                *("--home", str(home), "--port", str(port), "--parent-pid", str(os.getpid())),
            ],
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
                    raise FilesInUse("A database server still uses the files in %(home)s.", home=home) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def last_words(home: Path) -> str:
    """The last line of the server's log: why it did not start."""
    try:
        with (home / "server.log").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""


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
