"""The record of a restore over the original, on disk, so that a crash at any point can be undone or finished."""

import json
import os
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from console.processes.durable import sync_directory
from console.text.messages import Message
from instances.engines.base import EngineError
from instances.engines.deployment.compare import TEMPORARY
from instances.engines.deployment.mongodump import VIEW, Entry, Namespace

NAME = "exchange.json"
# What is being written, or was when the agent ended.
_FRESH = f"{NAME}.new"


class State(StrEnum):
    UNTOUCHED = "untouched"
    """The deployment has its old data. Of the restore, at most the mark exists."""
    LOADING = "loading"
    """The deployment has its old data and the mark. Temporary collections may exist."""
    EXCHANGING = "exchanging"
    """All temporary collections are complete, and some of them may have replaced old ones. The mark exists."""
    RESTORED = "restored"
    """The deployment has the restored data. Of the restore, at most the mark is left."""
    DONE = "done"
    """The deployment has the restored data, and nothing is left of the restore."""


@dataclass(frozen=True)
class Move:
    """A temporary collection, the one it replaces, and its UUID, which renaming keeps; "" if this server changes it."""

    temporary: Namespace
    target: Namespace
    uuid: str


@dataclass(frozen=True)
class Obsolete:
    """A collection or view to drop. Another one of that name, known by its type or UUID, is none of the old data."""

    namespace: Namespace
    type: str
    uuid: str


@dataclass(frozen=True)
class Scripts:
    """Where the restored functions of a database are; "" if it has none."""

    database: str
    temporary: str


@dataclass(frozen=True)
class Journal:
    tag: str
    mark: Namespace
    """An empty collection, by which the deployment is known again."""
    address: str
    """The deployment's address when the restore began."""
    state: State = State.UNTOUCHED
    obsolete: tuple[Obsolete, ...] = ()
    moves: tuple[Move, ...] = ()
    scripts: tuple[Scripts, ...] = ()
    views: tuple[Entry, ...] = field(default=())

    def at(self, state: State) -> "Journal":
        return replace(self, state=state)

    @classmethod
    def from_document(cls, raw: Any) -> Self:
        return cls(
            tag=raw["tag"],
            # A journal from before there were marks: whoever operates the console has to create this one.
            mark=Namespace(*raw.get("mark", ("admin", f"{TEMPORARY}{raw['tag']}.mark"))),
            address=raw.get("address", ""),
            state=State(raw["state"]),
            obsolete=tuple(
                Obsolete(Namespace(*each["namespace"]), each["type"], each["uuid"]) for each in raw["obsolete"]
            ),
            moves=tuple(
                Move(Namespace(*each["temporary"]), Namespace(*each["target"]), each["uuid"]) for each in raw["moves"]
            ),
            scripts=tuple(Scripts(**each) for each in raw["scripts"]),
            views=tuple(Entry(Namespace(*each["namespace"]), each["metadata"], VIEW) for each in raw["views"]),
        )


def write(directory: Path, journal: Journal) -> None:
    """Write the journal, completely or not at all, and sync it to disk. Raises OSError."""
    fresh = directory / _FRESH
    with fresh.open("w") as file:
        json.dump(asdict(journal), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(directory / NAME)
    sync_directory(directory)


def read(directory: Path) -> Journal | None:
    """Return the journal, or None if there is none. Raises EngineError if it is damaged, OSError."""
    path = directory / NAME
    try:
        return Journal.from_document(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise EngineError(Message("deployment.journal_damaged", path=path, why=error)) from error


def remove(directory: Path) -> None:
    (directory / NAME).unlink(missing_ok=True)
    (directory / _FRESH).unlink(missing_ok=True)
    sync_directory(directory)
