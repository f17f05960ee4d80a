"""The manifest, which is an archive's first member, and the contents, its last member but one."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from console.text.messages import Message
from instances.engines.base import Contents, checked_count, checked_text

FORMAT = 2
SIZE_LIMIT = 2**60
# All databases are as they were at the moment of the cut.
ONE_MOMENT = "one moment"

Read = TypeVar("Read")


class ArchiveError(Exception):
    """An archive is invalid or could not be written. The message is a sentence for people."""


@dataclass(frozen=True)
class Entry:
    """A member as the manifest lists it: its name and its exact size in bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The facts about an archive. `cut_at`, an aware time, is the moment that all databases show."""

    backup_id: str
    backup_name: str
    instance_id: str
    instance_name: str
    instance_type: str
    engine: str
    engine_version: str
    compatible_version: str
    storage_engine: str
    method: str
    cut_at: datetime
    members: tuple[Entry, ...]
    consistency: str = ONE_MOMENT

    @property
    def size(self) -> int:
        return sum(member.size for member in self.members)

    def to_json(self) -> bytes:
        document = {
            "format": FORMAT,
            "method": self.method,
            "consistency": self.consistency,
            "backup": {"id": self.backup_id, "name": self.backup_name},
            "instance": {"id": self.instance_id, "name": self.instance_name, "type": self.instance_type},
            "engine": {
                "name": self.engine,
                "version": self.engine_version,
                "compatible_version": self.compatible_version,
                "storage_engine": self.storage_engine,
            },
            "cut_at": self.cut_at.isoformat(),
            "members": [{"name": member.name, "size": member.size} for member in self.members],
        }
        return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "Manifest":
        """Parse the JSON of to_json(). Raises ArchiveError, also for other formats."""
        return _understood("archive.manifest", lambda: _manifest(json.loads(content)))


def contents_to_json(contents: Contents) -> bytes:
    """Return the contents as JSON, one database to a line."""
    lines = ",\n".join(json.dumps(database, ensure_ascii=False) for database in contents.to_document())
    return f"[\n{lines}\n]\n".encode()


def contents_from_json(content: bytes) -> Contents:
    """Parse the JSON of contents_to_json(). Raises ArchiveError."""
    return _understood("archive.contents", lambda: _contents(json.loads(content)))


def _understood(code: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArchiveError(Message(code, why=error)) from error


def _manifest(raw: Any) -> Manifest:
    _require_format(raw)
    manifest = Manifest(
        backup_id=checked_text(raw["backup"]["id"]),
        backup_name=checked_text(raw["backup"]["name"]),
        instance_id=checked_text(raw["instance"]["id"]),
        instance_name=checked_text(raw["instance"]["name"]),
        instance_type=checked_text(raw["instance"]["type"]),
        engine=checked_text(raw["engine"]["name"]),
        engine_version=checked_text(raw["engine"]["version"]),
        compatible_version=checked_text(raw["engine"]["compatible_version"]),
        storage_engine=checked_text(raw["engine"]["storage_engine"]),
        method=checked_text(raw["method"]),
        consistency=checked_text(raw["consistency"]),
        cut_at=datetime.fromisoformat(checked_text(raw["cut_at"])),
        members=tuple(Entry(checked_text(entry["name"]), checked_count(entry["size"])) for entry in raw["members"]),
    )
    if manifest.cut_at.tzinfo is None:
        raise ValueError("a time without zone")
    if len({member.name for member in manifest.members}) != len(manifest.members):
        raise ValueError("a member named twice")
    return manifest


def _require_format(raw: Any) -> None:
    # Format 1 called this field format_version.
    theirs = checked_count(raw["format"] if "format" in raw else raw["format_version"])
    if theirs < FORMAT:
        raise ArchiveError(Message("archive.old_format", theirs=theirs))
    if theirs > FORMAT:
        raise ArchiveError(Message("archive.new_format", theirs=theirs, ours=FORMAT))


def _contents(raw: Any) -> Contents:
    if not isinstance(raw, list):
        raise TypeError("not a list")
    contents = Contents.from_document(raw)
    if len({database.name for database in contents.databases}) != len(contents.databases):
        raise ValueError("a database named twice")
    for database in contents.databases:
        if len({collection.name for collection in database.collections}) != len(database.collections):
            raise ValueError(f"a collection of {database.name} named twice")
    return contents
