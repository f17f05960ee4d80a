"""What the processes of the console's tree have in common: they end with the one that started them."""

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress

_PR_SET_PDEATHSIG = 1


def die_with(parent_pid: int) -> None:
    """Have Linux send this process SIGTERM when the one that started it ends, however it ends.

    Called by the child itself, early. The parent may have died before the call took effect, in which case
    nothing would be sent: the child then ends here. The kernel watches the *thread* that started the
    child, so children are started by main threads only.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        error = ctypes.get_errno()
        sys.exit(f"prctl failed: {os.strerror(error)}")
    if os.getppid() != parent_pid:
        sys.exit("The process that started this one has ended already.")


def end_with_input() -> None:
    """Have this process get SIGTERM when its standard input ends: when whoever holds the other end of the pipe does.

    Unlike die_with this asks nothing of the thread that started the process, which may be any of a test's.
    """
    threading.Thread(target=_read_to_the_end, daemon=True).start()


def _read_to_the_end() -> None:
    # A closed one, and a terminal that has gone, have ended too.
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
