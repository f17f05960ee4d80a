"""How many processes the tests run in."""

import os

# Tests also wait: for processes to start, and for states. One process a core leaves the cores idle meanwhile.
PER_CORE = 1.5


def options(per_core: float = PER_CORE) -> list[str]:
    """Return pytest's options for that."""
    cores = len(os.sched_getaffinity(0))
    return ["-n", str(max(2, round(cores * per_core)))]
