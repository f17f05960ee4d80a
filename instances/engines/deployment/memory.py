"""Keep the memory of a dump from growing with the size of the documents."""

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3
_LARGE = 256 * 1024


def return_large_buffers() -> None:
    """Let this process return large buffers to the system as soon as they are free.

    Otherwise, the C library keeps some for each thread that ever had a large one: 100 MB after documents of 16 MB. Does
    nothing with C libraries other than glibc.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
