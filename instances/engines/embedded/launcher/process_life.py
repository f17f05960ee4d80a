"""The life of the process: it ends with its parent, locks its files, and ends within 10 seconds of a signal."""

import ctypes
import faulthandler
import fcntl
import os
import resource
import signal
import socket
import time
from pathlib import Path
from typing import Any

_LOCK_SECONDS = 15.0
_STOP_SECONDS = 9.5
_STOPPING = {signal.SIGTERM, signal.SIGINT}
# How often the server checks that its parent is still running, in case it missed the signal of the parent's end.
_PARENT_CHECK_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1
# Descriptors that are kept for files. The database has about 40, however many collections there are.
_FILES = 128
_FEWEST_CLIENTS = 32


class CannotStart(Exception):
    """The server cannot start. The message is one sentence with the reason."""


def die_with_parent(parent: int) -> None:
    """Make Linux send SIGTERM when the parent ends. Raises CannotStart if the parent has already ended."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        raise CannotStart(f"The server cannot be tied to its parent: {os.strerror(ctypes.get_errno())}.")
    if os.getppid() != parent:
        raise CannotStart("The process that started the server has ended.")


def lock(path: Path) -> None:
    """Lock the instance's home until this process ends, waiting for another server that is still closing.

    Raises CannotStart.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"The home {path.parent} cannot be used: {os.strerror(error.errno or 0)}.") from error
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise CannotStart("Another server is using the files of this instance.") from None
            time.sleep(0.05)
        else:
            return


def most_clients(wanted: int) -> int:
    """Let this process open as many files as the system allows, and return how many clients fit beside its files.

    WiredTiger panics if it cannot open a file, so clients must not use up the descriptors. Raises CannotStart.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    left = wanted if most == resource.RLIM_INFINITY else most - _FILES
    if left < _FEWEST_CLIENTS:
        raise CannotStart(
            f"The server may open only {most} files and connections, and needs {_FILES + _FEWEST_CLIENTS}: "
            "raise the limit (ulimit -n, or LimitNOFILE= in a systemd unit)."
        )
    return min(wanted, left)


def block_signals() -> None:
    """Block the signals that end the process, for wait_for_end(). Call this before other threads start.

    A signal handler could wait forever: for the main thread if another thread received the signal, or for a lock that
    the main thread holds.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)


def wait_for_end(parent: int) -> None:
    """Wait until a signal arrives or the parent ends."""
    while signal.sigtimedwait(_STOPPING, _PARENT_CHECK_SECONDS) is None and os.getppid() == parent:
        pass
    # Exit in time even if a command does not end.
    faulthandler.dump_traceback_later(_STOP_SECONDS, exit=True)


def stop(running: Any) -> None:
    """Close SecantusDB's server, without the 2 seconds that its own stop() waits.

    Its stop() closes the socket, which does not wake the thread that accepts on it; shutting the socket down does.
    """
    running._stop_event.set()
    if running._socket is not None:
        running._socket.shutdown(socket.SHUT_RDWR)
    running.stop()
