"""The manifest, which is an archive's first member, and the contents, its last member but one."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError

from console.text.messages import Message, joined, of_validation
from console.text.name_rule import name_validators
from instances.choices import InstanceType
from instances.engines.base import CONSISTENCIES, ONE_MOMENT, Contents, checked_count, checked_text

FORMAT = 2
SIZE_LIMIT = 2**60
_BACKUP_ID, _INSTANCE_ID = re.compile(r"[0-9a-f]{32}br02"), re.compile(r"[0-9a-f]{32}in02")
# The name or the version of a program. Servers that have not reported theirs yet have none.
_WORD = re.compile(r"([0-9A-Za-z]([0-9A-Za-z .+_-]*[0-9A-Za-z+])?)?")

Read = TypeVar("Read")


class ArchiveError(Exception):
    """An archive is invalid or could not be written. The message is a sentence for people."""


class ArchiveNotRead(ArchiveError):
    """An archive could not be read for a reason that does not mean that it is missing or damaged."""


@dataclass(frozen=True)
class Entry:
    """A member as the manifest lists it: its name and its exact size in bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The facts about an archive.

    `cut_at`, an aware time, is the moment that all databases show, or of the first read if `consistency` says that they
    are not of one moment. `members` is None if they were not known in advance: see stream().
    """

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
    members: tuple[Entry, ...] | None
    consistency: str = ONE_MOMENT

    @property
    def size(self) -> int:
        """The total size of the members in bytes; 0 if they were not known in advance."""
        return sum(member.size for member in self.members or ())

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
            "members": None
            if self.members is None
            else [{"name": member.name, "size": member.size} for member in self.members],
        }
        return json.dumps(document, indent=2, ensure_ascii=False).encode(errors="replace") + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> "Manifest":
        """Parse the JSON of to_json(). Raises ArchiveError for other formats, and for facts that no console writes."""
        return _understood("archive.manifest", lambda: _manifest(json.loads(content)))


def contents_to_json(contents: Contents) -> bytes:
    """Return the contents as JSON, one database to a line."""
    lines = ",\n".join(json.dumps(database, ensure_ascii=False) for database in contents.to_document())
    # The writer compares what the reader makes of it, so a name that is no Unicode text fails there.
    return f"[\n{lines}\n]\n".encode(errors="replace")


def contents_from_json(content: bytes) -> Contents:
    """Parse the JSON of contents_to_json(). Raises ArchiveError."""
    return _understood("archive.contents", lambda: _contents(json.loads(content)))


def _understood(code: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ArchiveError(Message(code, why=error)) from error


def _manifest(raw: Any) -> Manifest:
    _require_format(raw)
    manifest = Manifest(
        backup_id=_of_console(raw["backup"]["id"], _BACKUP_ID.fullmatch),
        backup_name=_name("backup", raw["backup"]["name"]),
        instance_id=_of_console(raw["instance"]["id"], _INSTANCE_ID.fullmatch),
        instance_name=_name("instance", raw["instance"]["name"]),
        instance_type=_of_console(raw["instance"]["type"], InstanceType.values.__contains__),
        engine=_word(raw["engine"]["name"], 32),
        engine_version=_word(raw["engine"]["version"], 32),
        compatible_version=_word(raw["engine"]["compatible_version"], 16),
        storage_engine=_word(raw["engine"]["storage_engine"], 32),
        method=_word(raw["method"], 16),
        consistency=_word(raw["consistency"], 16),
        cut_at=datetime.fromisoformat(checked_text(raw["cut_at"])),
        members=_members(raw["members"]),
    )
    if manifest.cut_at.tzinfo is None:
        raise ValueError("a time without zone")
    # Raises OverflowError outside the years that Python knows.
    manifest.cut_at.astimezone(UTC)
    if manifest.consistency not in CONSISTENCIES:
        raise ValueError(f"{manifest.consistency!r} is no consistency of a backup")
    return manifest


def _members(raw: Any) -> tuple[Entry, ...] | None:
    if raw is None:
        return None
    members = tuple(Entry(checked_text(entry["name"]), checked_count(entry["size"])) for entry in raw)
    if len({member.name for member in members}) != len(members):
        raise ValueError("a member named twice")
    return members


def _require_format(raw: Any) -> None:
    # Format 1 called this field format_version.
    theirs = checked_count(raw["format"] if "format" in raw else raw["format_version"])
    if theirs < FORMAT:
        raise ArchiveNotRead(Message("archive.old_format", theirs=theirs))
    if theirs > FORMAT:
        raise ArchiveNotRead(Message("archive.new_format", theirs=theirs, ours=FORMAT))


def _of_console(value: Any, is_valid: Callable[[str], object]) -> str:
    if not is_valid(text := checked_text(value)):
        raise ArchiveError(Message("archive.foreign"))
    return text


def _name(of: str, value: Any) -> str:
    """Return the name if it follows the rule that forms have for names. Raises ArchiveError."""
    name = checked_text(value)
    try:
        for validate in name_validators:
            validate(name)
    except ValidationError as error:
        why = joined(": ", [f"{of}.name", of_validation(error)])
        raise ArchiveError(Message("archive.breaks_rule", why=why)) from error
    if not name:
        raise ValueError(f"{of}.name is empty")
    return name


def _word(value: Any, at_most: int) -> str:
    text = checked_text(value)
    if len(text) > at_most or not _WORD.fullmatch(text):
        raise ValueError(f"{text!r} is not the name or version of a program")
    return text


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
