"""The archive format 0.1 of mongodump: the parts to write, and a strict parser of what was written. Does no I/O.

    magic, header
    one entry for each collection, view and time series     the prelude
    terminator
    segments in any order: a namespace, documents, terminator
    the end of each namespace with the checksum of its documents, terminator

All parts but the magic and the terminator are BSON documents. The documents of a collection are stored as the server
sent them.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import bson
from bson import json_util
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.int64 import Int64
from fastcrc import crc64

from console.text.messages import Message
from instances.engines.base import EngineError

VERSION = "0.1"
MAGIC = bytes.fromhex("6de29981")
TERMINATOR = b"\xff\xff\xff\xff"
# Servers store up to 16 MiB in a document, and send a little more for their own fields.
DOCUMENT_LIMIT = 16 * 1024 * 1024 + 16 * 1024
# All entries together, in bytes: readers keep them in memory.
PRELUDE_LIMIT = 64 * 1024 * 1024

COLLECTION, VIEW, TIME_SERIES = "collection", "view", "timeseries"
_BUCKETS = "system.buckets."
# What mongodump --oplog calls the oplog, now and in a dump of the database local.
_OPLOGS = frozenset({("", "oplog"), ("local", "oplog.rs")})
# Dates outside the years that Python knows keep their value.
CODEC: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO)
_JSON = json_util.JSONOptions(
    json_mode=json_util.JSONMode.CANONICAL, tz_aware=True, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)
_LENGTH = struct.Struct("<i").unpack_from


class DumpDamaged(EngineError):
    """A dump does not follow the format or ends early. The message is a sentence for people."""


class Namespace(NamedTuple):
    database: str
    collection: str

    def __str__(self) -> str:
        return f"{self.database}.{self.collection}"


@dataclass(frozen=True)
class Header:
    """The programs that made a dump. At most `parallel` namespaces have begun and not ended at any byte of it."""

    parallel: int
    server_version: str
    tool_version: str


@dataclass(frozen=True)
class Definition:
    """The description of a collection: the options to create it with, its indexes, and its UUID (32 hex digits)."""

    options: dict[str, Any] = field(default_factory=dict)
    indexes: list[dict[str, Any]] = field(default_factory=list)
    uuid: str = ""


@dataclass(frozen=True)
class Entry:
    """One collection, view or time series of the prelude. `metadata` is its Definition as Extended JSON."""

    namespace: Namespace
    metadata: str
    type: str = COLLECTION

    @property
    def body(self) -> Namespace:
        """The namespace of its documents in the archive. Those of a time series are its buckets."""
        database, collection = self.namespace
        return Namespace(database, _BUCKETS + collection) if self.type == TIME_SERIES else self.namespace

    @classmethod
    def defined(cls, namespace: Namespace, definition: Definition, type: str = COLLECTION) -> "Entry":
        content: dict[str, Any] = {"options": definition.options, "indexes": definition.indexes}
        if definition.uuid:
            content["uuid"] = definition.uuid
        content |= {"collectionName": namespace.collection, "type": type}
        return cls(namespace, json_util.dumps(content, json_options=_JSON, ensure_ascii=False), type)

    def definition(self) -> Definition:
        """Parse the metadata. Raises DumpDamaged."""
        try:
            raw = json.loads(self.metadata or "{}", object_hook=_value)
            options, indexes, uuid = raw.get("options") or {}, raw.get("indexes") or [], raw.get("uuid") or ""
            if not isinstance(options, dict) or not all(isinstance(index, dict) for index in indexes):
                raise TypeError("options and indexes are not documents")
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
            raise _damaged(f"metadata of {self.namespace}: {error}") from error
        return Definition(options, indexes, str(uuid))


def _value(document: dict[str, Any]) -> Any:
    """Return the value that a document of Extended JSON stands for.

    The driver also takes the query operator $regex, with the operators beside it, for an old spelling of a regular
    expression.
    """
    return document if "$regex" in document else json_util.object_hook(document, _JSON)


# --- Writing -------------------------------------------------------------------------------------------------


def prelude(header: Header, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield everything before the first segment. Raises EngineError if there are too many entries."""
    yield MAGIC + bson.encode(
        {
            "concurrent_collections": header.parallel,
            "version": VERSION,
            "server_version": header.server_version,
            "tool_version": header.tool_version,
        }
    )
    size = 0
    for entry in entries:
        database, collection = entry.namespace
        content = bson.encode(
            {"db": database, "collection": collection, "metadata": entry.metadata, "size": 0, "type": entry.type}
        )
        size += len(content)
        if size > PRELUDE_LIMIT:
            raise EngineError(Message("deployment.too_many_collections"))
        yield content
    yield TERMINATOR


class Body:
    """Writes the documents of one namespace. Its segments may be interleaved with those of others."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace, self._crc = namespace, 0
        self._segment = self._header(end=False, crc=0)

    def segment(self, *documents: bytes | memoryview) -> list[bytes | memoryview]:
        """Return the parts of a segment with these BSON documents, of which each argument may have several."""
        for each in documents:
            self._crc = crc64.xz(each, self._crc)
        return [self._segment, *documents, TERMINATOR]

    def end(self) -> bytes:
        """Return the end of the namespace. Every entry needs exactly one, even without documents."""
        return self._header(end=True, crc=_signed(self._crc)) + TERMINATOR

    def _header(self, *, end: bool, crc: int) -> bytes:
        database, collection = self.namespace
        return bson.encode({"db": database, "collection": collection, "EOF": end, "CRC": Int64(crc)})


def documents_in(content: bytes) -> int:
    """Return the number of concatenated BSON documents. Raises DumpDamaged if they are none."""
    start, end, count, length = 0, len(content), 0, _LENGTH
    while start + 5 <= end and (size := length(content, start)[0]) >= 5:
        start += size
        count += 1
    if start != end:
        raise _damaged("the server sent no documents")
    return count


def _signed(crc: int) -> int:
    return crc - 2**64 if crc >= 2**63 else crc


# --- Reading -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Prelude:
    """The first part of a dump."""

    header: Header
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Documents:
    """Whole documents of a namespace, concatenated: a few MB at most, or one larger document."""

    namespace: Namespace
    content: bytes
    count: int

    def each(self) -> Iterator[bytes]:
        start = 0
        while start < len(self.content):
            end = start + _LENGTH(self.content, start)[0]
            yield self.content[start:end]
            start = end


@dataclass(frozen=True)
class End:
    """The end of a namespace: all its documents came as they were written. `namespace` is its entry's body."""

    namespace: Namespace
    count: int


Part = Prelude | Documents | End


def parse(blocks: Iterator[memoryview]) -> Iterator[Part]:
    """Yield the parts of a dump in the order of the archive: first its Prelude.

    The dump is whole only if the iterator ends without an error. Each block needs to stay valid only until the next is
    requested. Raises DumpDamaged, or another EngineError if the dump needs its oplog.
    """
    source = _Source(blocks)
    if source.take(len(MAGIC)) != MAGIC:
        raise DumpDamaged(Message("deployment.dump_foreign"))
    header, entries = _header(source.decoded()), tuple(_entries(source))
    bodies = {entry.body: _State() for entry in entries}
    if len(bodies) != len(entries):
        raise _damaged("a collection named twice")
    yield Prelude(header, entries)
    while not source.ended():
        if source.terminated():
            raise _damaged("two terminators in a row")
        yield from _segment(source, bodies)
    if not all(state.ended for state in bodies.values()):
        raise _too_short()


@dataclass
class _State:
    """What was read of a namespace so far."""

    crc: int = 0
    count: int = 0
    ended: bool = False


def _entries(source: "_Source") -> Iterator[Entry]:
    size = 0
    while not source.terminated():
        raw = source.document()
        size += len(raw)
        if size > PRELUDE_LIMIT:
            raise _damaged("too many collections")
        entry = _decoded(raw)
        namespace = _namespace(entry)
        # Versions of mongodump before time series write no type.
        yield Entry(namespace, _field(entry, "metadata", str), entry.get("type") or COLLECTION)


def _header(raw: dict[str, Any]) -> Header:
    version = _field(raw, "version", str)
    if version != VERSION:
        raise DumpDamaged(Message("deployment.dump_version", version=version, ours=VERSION))
    return Header(
        _field(raw, "concurrent_collections", int),
        _field(raw, "server_version", str),
        _field(raw, "tool_version", str),
    )


def _namespace(raw: dict[str, Any]) -> Namespace:
    """Return the namespace that an entry or a segment names. Raises EngineError if it is the oplog.

    Without the oplog, the collections of the dump would be of different moments.
    """
    namespace = Namespace(_field(raw, "db", str), _field(raw, "collection", str))
    if namespace in _OPLOGS:
        raise EngineError(Message("deployment.dump_with_oplog"))
    return namespace


def _segment(source: "_Source", bodies: dict[Namespace, _State]) -> Iterator[Part]:
    raw = source.decoded()
    namespace = _namespace(raw)
    state = bodies.get(namespace)
    if state is None:
        raise _damaged(f"documents of {namespace}, which the dump does not list")
    if state.ended:
        raise _damaged(f"documents of {namespace} after its end")
    if not _field(raw, "EOF", bool):
        while not source.terminated():
            content, count = source.documents()
            state.crc = crc64.xz(content, state.crc)
            state.count += count
            yield Documents(namespace, content, count)
        return
    if not source.terminated():
        raise _damaged(f"documents of {namespace} after its end")
    if _field(raw, "CRC", int) != _signed(state.crc):
        raise _damaged(f"the documents of {namespace} have another checksum")
    state.ended = True
    yield End(namespace, state.count)


class _Source:
    """Cuts the blocks into documents. Keeps one block and one document in memory."""

    def __init__(self, blocks: Iterator[memoryview]) -> None:
        self._blocks, self._buffer = blocks, bytearray()

    def ended(self) -> bool:
        return not self._buffer and not self._more()

    def take(self, size: int) -> bytes:
        self._require(size)
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def terminated(self) -> bool:
        """Skip a terminator and return whether there was one."""
        self._require(4)
        if not self._buffer.startswith(TERMINATOR):
            return False
        del self._buffer[:4]
        return True

    def document(self) -> bytes:
        """Return the next document."""
        self._require(4)
        size = self._size(0)
        self._require(size)
        self._check_end(size)
        return self.take(size)

    def decoded(self) -> dict[str, Any]:
        return _decoded(self.document())

    def documents(self) -> tuple[bytes, int]:
        """Return at least one document, and as many more as are in memory; and their number."""
        self._require(4)
        self._require(self._size(0))
        buffer, end, count, available = self._buffer, 0, 0, len(self._buffer)
        while available - end >= 4 and (size := _LENGTH(buffer, end)[0]) != -1:
            size = self._size(end)
            if available - end < size:
                break
            end += size
            self._check_end(end)
            count += 1
        return self.take(end), count

    def _size(self, at: int) -> int:
        size: int = _LENGTH(self._buffer, at)[0]
        if not 5 <= size <= DOCUMENT_LIMIT:
            raise _damaged(f"a document of {size} bytes")
        return size

    def _check_end(self, end: int) -> None:
        if self._buffer[end - 1]:
            raise _damaged("a document without its end")

    def _require(self, size: int) -> None:
        while len(self._buffer) < size:
            if not self._more():
                raise _too_short()

    def _more(self) -> bool:
        for block in self._blocks:
            if block:
                self._buffer += block
                return True
        return False


def _decoded(raw: bytes) -> dict[str, Any]:
    try:
        return bson.decode(raw, CODEC)
    except (bson.errors.BSONError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise _damaged(str(error)) from error


def _field(raw: dict[str, Any], name: str, kind: type[Any]) -> Any:
    value = raw.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _damaged(f"a header without {name}")
    return value


def _damaged(why: str) -> DumpDamaged:
    return DumpDamaged(Message("deployment.dump_damaged", why=why))


def _too_short() -> DumpDamaged:
    return DumpDamaged(Message("deployment.dump_ends_early"))
