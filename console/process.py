"""What the processes of the console's tree have in common: they end with the one that started them."""

import ctypes
import os
import signal
import sys

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
