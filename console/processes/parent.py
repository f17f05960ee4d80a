"""Functions that end a process of the console when the process that started it ends."""

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress

_PR_SET_PDEATHSIG = 1


def die_with(parent_pid: int) -> None:
    """Have Linux send this process SIGTERM when its parent process ends for any reason.

    The child calls this early. If the parent died before the call takes effect, Linux sends nothing, so the child exits
    here. The kernel watches the *thread* that started the child, so only main threads start children.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        error = ctypes.get_errno()
        sys.exit(f"prctl failed: {os.strerror(error)}")
    if os.getppid() != parent_pid:
        sys.exit("The process that started this one has ended already.")


def end_with_input() -> None:
    """Send this process SIGTERM when its standard input ends because the process at the other end has ended.

    Unlike die_with, this works whichever thread started the process: in tests it may be any thread.
    """
    threading.Thread(target=_read_to_the_end, daemon=True).start()


def _read_to_the_end() -> None:
    # A closed input or a lost terminal raises OSError; both count as the end of the input.
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
