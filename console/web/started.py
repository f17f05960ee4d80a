"""The work that a request starts: the toast that says so changes in place when the work ends.

`enqueue` notes each job, and the answer and the notification of its end name it by the same key.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# A response header has little space, and any one of the keys is enough to find the toast.
_MOST = 50

# None outside a request: in commands and in the agent.
_keys: ContextVar[list[str] | None] = ContextVar("started", default=None)


@contextmanager
def recording() -> Iterator[None]:
    token = _keys.set([])
    try:
        yield
    finally:
        _keys.reset(token)


def key_of(job_id: uuid.UUID) -> str:
    return job_id.hex[:12]


def note(job_id: uuid.UUID) -> None:
    """Note that the current request has started this job, or has made it end."""
    keys = _keys.get()
    if keys is not None:
        keys.append(key_of(job_id))


def keys() -> list[str]:
    """Return the keys of the jobs that the current request has noted."""
    return (_keys.get() or [])[:_MOST]
