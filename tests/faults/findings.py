"""What the checks find."""

from enum import Enum


class Kind(Enum):
    LOST = "lost"
    STUCK = "stuck"
    ORPHAN = "orphan"
    BROKEN = "broken"


class Finding(Exception):
    """A promise that was broken: which kind of promise, and what was seen."""

    def __init__(self, kind: Kind, what: str) -> None:
        super().__init__(f"{kind.value}: {what}")
        self.kind = kind


def require(true: object, kind: Kind, what: str) -> None:
    if not true:
        raise Finding(kind, what)
