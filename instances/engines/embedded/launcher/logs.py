"""The server's log, on stderr."""

import logging
import sys
from pathlib import Path
from typing import Any

import wiredtiger

from .panic import EndOnPanic


class WithoutContents(logging.Formatter):
    """Keeps documents out of the log: writes an exception's type and place, and the text only if it is WiredTiger's.

    A message stays on its line, because clients choose some of its words, and the agent reads the last line.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        message = super().formatMessage(record)
        return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in message)

    def formatException(self, info: Any) -> str:  # noqa: N802 - logging's name
        kind, error, trace = info
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
        text = f": {error}" if isinstance(error, wiredtiger.WiredTigerError) else ""
        return f"{kind.__name__} at {place}{text}"


def log_to_stderr(data: Path) -> None:
    """Log to stderr, and end the process when WiredTiger panics over the files in `data`."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(WithoutContents("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[output, EndOnPanic(data)])
