"""The limits that the system sets for a process."""

import resource


def allow_most_descriptors() -> None:
    """Let this process and its children open as many files and connections as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
