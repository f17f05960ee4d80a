"""The findings of the checks."""

from enum import Enum


class Kind(Enum):
    LOST = "lost"
    STUCK = "stuck"
    ORPHAN = "orphan"
    BROKEN = "broken"


class Finding(Exception):
    """A broken promise: its kind, and what the check saw."""

    def __init__(self, kind: Kind, what: str) -> None:
        super().__init__(f"{kind.value}: {what}")
        self.kind = kind


def require(true: object, kind: Kind, what: str) -> None:
    if not true:
        raise Finding(kind, what)
