"""What an archive holds, as its first member says it."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from console.sentences import sentence as _
from instances.engine.cut import DATABASE_NAME
from instances.engine.snapshot import DatabaseCopy

FORMAT_VERSION = 1
SIZE_LIMIT = 2**60


class ArchiveError(Exception):
    """What is wrong with an archive, or why it could not be written, as a sentence for people."""


@dataclass(frozen=True)
class Collection:
    name: str
    documents: int


@dataclass(frozen=True)
class Database:
    """One database file: `bytes` is `pages * page_size`."""

    name: str
    pages: int
    page_size: int
    bytes: int
    collections: tuple[Collection, ...]

    @classmethod
    def of(cls, copy: DatabaseCopy) -> "Database":
        collections = tuple(Collection(counted.name, counted.documents) for counted in copy.collections)
        return cls(copy.name, copy.pages, copy.page_size, copy.bytes, collections)

    @classmethod
    def from_document(cls, raw: Any) -> "Database":
        """Read what asdict() and JSON made of one. Raises ValueError, KeyError or TypeError."""
        collections = tuple(
            Collection(_text(entry["name"]), _number(entry["documents"])) for entry in raw["collections"]
        )
        database = cls(
            _text(raw["name"]), _number(raw["pages"]), _number(raw["page_size"]), _number(raw["bytes"]), collections
        )
        if not DATABASE_NAME.fullmatch(database.name):
            raise ValueError(f"{database.name!r} is not a database's name")
        if database.bytes != database.pages * database.page_size:
            raise ValueError(f"the size of {database.name} does not add up")
        return database

    @property
    def file(self) -> str:
        """The name of its member in the archive."""
        return f"databases/{self.name}.db"

    @property
    def documents(self) -> int:
        return sum(collection.documents for collection in self.collections)


@dataclass(frozen=True)
class Manifest:
    """What an archive holds. `cut_at` is aware: the moment that all databases show."""

    backup_id: str
    backup_name: str
    instance_id: str
    instance_name: str
    instance_type: str
    engine: str
    engine_version: str
    cut_at: datetime
    databases: tuple[Database, ...]

    @property
    def contents(self) -> list[dict[str, Any]]:
        """The databases as documents for JSON, which Database.from_document reads."""
        return [asdict(database) for database in self.databases]

    def to_json(self) -> bytes:
        document = {
            "format_version": FORMAT_VERSION,
            "backup": {"id": self.backup_id, "name": self.backup_name},
            "instance": {"id": self.instance_id, "name": self.instance_name, "type": self.instance_type},
            "engine": {"name": self.engine, "version": self.engine_version},
            "cut_at": self.cut_at.isoformat(),
            "databases": [
                {"file": database.file, **document}
                for database, document in zip(self.databases, self.contents, strict=True)
            ],
        }
        return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "Manifest":
        """Read what to_json() wrote. Raises ArchiveError, also for a format newer than this code."""
        try:
            raw = json.loads(content)
            version = _number(raw["format_version"])
            if version > FORMAT_VERSION:
                raise ArchiveError(
                    _("The archive was made by a newer version of the console (format %(theirs)d, here %(ours)d).")
                    % {"theirs": version, "ours": FORMAT_VERSION}
                )
            manifest = cls(
                backup_id=_text(raw["backup"]["id"]),
                backup_name=_text(raw["backup"]["name"]),
                instance_id=_text(raw["instance"]["id"]),
                instance_name=_text(raw["instance"]["name"]),
                instance_type=_text(raw["instance"]["type"]),
                engine=_text(raw["engine"]["name"]),
                engine_version=_text(raw["engine"]["version"]),
                cut_at=datetime.fromisoformat(_text(raw["cut_at"])),
                databases=tuple(_database(entry) for entry in raw["databases"]),
            )
            if manifest.cut_at.tzinfo is None:
                raise ValueError("a time without zone")
            if len({database.name for database in manifest.databases}) != len(manifest.databases):
                raise ValueError("a database named twice")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArchiveError(_("The archive's manifest cannot be understood: %s.") % error) from error
        return manifest


def _database(raw: Any) -> Database:
    database = Database.from_document(raw)
    if raw["file"] != database.file:
        raise ValueError(f"{raw['file']!r} is not the file of {database.name}")
    return database


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    if "\0" in value or value != value.encode(errors="replace").decode():
        raise ValueError(f"{value!r} is not text that a database keeps")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= SIZE_LIMIT:
        raise TypeError(f"{value!r} is not a count")
    return value
