"""End the process when WiredTiger has panicked, because a server that answers only `ping` is useless."""

import contextlib
import logging
import os
import shutil
import sys
from pathlib import Path

import wiredtiger

# With fewer free bytes than this, WiredTiger cannot write: its log files are 10 MB each. As in the agent (process.py).
_NO_SPACE = 16 * 1024 * 1024


class EndOnPanic(logging.Handler):
    """Ends the process when SecantusDB logs a panic."""

    def __init__(self, data: Path) -> None:
        super().__init__(logging.ERROR)
        self._data = data

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, wiredtiger.WiredTigerError) and "WT_PANIC" in str(error):
            say(f"The database server ended: {reason(self._data, error)}.")
            os._exit(1)


def reason(data: Path, error: Exception) -> str:
    """Return what is wrong with the files.

    A full disk and a lack of descriptors cause many different errors, so look for these first.
    """
    with contextlib.suppress(OSError):
        if shutil.disk_usage(data).free < _NO_SPACE:
            return "no space left on the disk of its data directory; make room on it"
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as lack:
        return f"{lack.strerror}; raise the limit (ulimit -n, or LimitNOFILE= in a systemd unit)"
    return str(error)


def say(sentence: str) -> None:
    """Write the last line of the log, in which the agent finds the reason why the server ended.

    The log is on the same disk as the data. If it cannot be written, the server ends without a word.
    """
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()
