"""What the system says of a process."""

import os
from pathlib import Path


def memory(pid: int | str = "self", *, peak: bool = False) -> int:
    """The bytes that the process has in memory, or the most it has had."""
    field = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def computed(pid: int) -> float:
    """The seconds that the process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
