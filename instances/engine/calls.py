"""One command on its way through the server, and the errors that answer it."""

from dataclasses import dataclass
from pathlib import Path

from instances.engine.counts import Counts
from instances.engine.guards import CommandError, GuardedHandler, collection_name, sqlite3
from instances.engine.results import Results
from instances.engine.wire import MAX_BATCH, Document


class Engine:
    """The databases of one instance, the results its clients are fetching, and the numbers it knows."""

    def __init__(self, data_dir: Path) -> None:
        self.handler = GuardedHandler(data_dir)
        self.results = Results(data_dir.parent)
        self.counts = Counts(data_dir)


@dataclass(frozen=True, slots=True)
class Call:
    """One command: the database it is for, its body, and the client that asked."""

    engine: Engine
    name: str
    database: str
    body: Document
    owner: object

    @property
    def collection(self) -> str:
        """The name of the collection. Raises CommandError for one that cannot be."""
        target = self.body[self.name]
        if self.name == "explain" and isinstance(target, dict):
            target = target.get("find")
        return collection_name(target)

    @property
    def namespace(self) -> str:
        return f"{self.database}.{self.collection}"

    def documents(self, field: str) -> list[Document]:
        """The operations of a writing command. Raises CommandError if there are none, or too many."""
        found = self.body.get(field)
        if not isinstance(found, list) or not 1 <= len(found) <= MAX_BATCH:
            raise bad_value(f"Write batch sizes must be between 1 and {MAX_BATCH}")
        if not all(isinstance(document, dict) for document in found):
            raise bad_value(f"{field} must be documents")
        return found


def bad_value(message: str) -> CommandError:
    return CommandError(2, "BadValue", message)


def unsupported(message: str) -> CommandError:
    return CommandError(115, "CommandNotSupported", message)


def failure(error: Exception) -> CommandError:
    """The error that tells a client what an exception means."""
    message = str(error)
    match error:
        case CommandError():
            return error
        case sqlite3.IntegrityError():
            return CommandError(11000, "DuplicateKey", f"E11000 duplicate key error: {message}")
        case sqlite3.OperationalError() if "locked" in message:
            return CommandError(24, "LockTimeout", "The database stayed locked")
        case sqlite3.OperationalError() if "full" in message:
            return CommandError(14031, "OutOfDiskSpace", "The disk is full")
        case sqlite3.OperationalError() if "no such table" in message:
            return CommandError(26, "NamespaceNotFound", "The collection does not exist")
        case sqlite3.OperationalError() if "interrupted" in message:
            return CommandError(11600, "InterruptedAtShutdown", "The server is stopping")
        case TypeError() | ValueError():
            return bad_value(message)
        case _:
            return CommandError(8, "UnknownError", f"{type(error).__name__}: {message}")
