"""The number of processes that the tests run in."""

import os

# Tests wait for processes and states, so one process per core would leave the cores idle.
PER_CORE = 1.5


def options(per_core: float = PER_CORE) -> list[str]:
    """Return pytest's options for that number of processes."""
    cores = len(os.sched_getaffinity(0))
    return ["-n", str(max(2, round(cores * per_core)))]
