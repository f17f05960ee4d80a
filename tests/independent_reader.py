"""A second, strict reader of mongodump archives 0.1, which knows nothing of the product's own code."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MAGIC = 0x8199E26D
TERMINATOR = b"\xff\xff\xff\xff"
FIRST = [("admin", name) for name in ("system.users", "system.roles", "system.version")]
LARGEST_DOCUMENT = 16 * 1024 * 1024
BUCKETS = "system.buckets."


class Malformed(Exception):
    """These bytes are not a mongodump archive."""


@dataclass
class Entry:
    """One entry of the prelude. `metadata` is JSON text."""

    db: str
    collection: str
    metadata: str
    type: str
    size: int


@dataclass
class Archive:
    """What an archive contains. `documents` has the raw documents of each namespace that has an end."""

    concurrent_collections: int
    version: str
    server_version: str
    tool_version: str
    entries: list[Entry] = field(default_factory=list)
    documents: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0xC96C5795D7870F42 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc64(data: bytes, so_far: int = 0) -> int:
    """Return the CRC-64/XZ of everything so far and this data, as a signed number."""
    value = (so_far & 0xFFFFFFFFFFFFFFFF) ^ 0xFFFFFFFFFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    value ^= 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >> 63 else value


def read(data: bytes) -> Archive:
    """Return what the archive contains. Raises Malformed if it breaks any rule of the format."""
    if data[:4] != struct.pack("<I", MAGIC):
        raise Malformed("the magic number")
    position = 4
    header, position = _fields(data, position)
    kinds = {"concurrent_collections": int, "version": str, "server_version": str, "tool_version": str}
    if {name: type(value) for name, value in header.items()} != kinds or header["version"] != "0.1":
        raise Malformed(f"the header {header}")
    if len(header["server_version"].split(".")) < 3:
        raise Malformed(f"the server's version {header['server_version']}")
    archive = Archive(**header)
    while data[position : position + 4] != TERMINATOR:
        fields, position = _fields(data, position)
        try:
            archive.entries.append(Entry(**fields))
        except TypeError as error:
            raise Malformed(f"the prelude has {fields}") from error
    _read_bodies(archive, data, position + 4)
    return archive


def _read_bodies(archive: Archive, data: bytes, position: int) -> None:
    names = {name for entry in archive.entries for name in _bodies_of(entry)}
    checksums: dict[tuple[str, str], int] = {}
    bodies: dict[tuple[str, str], list[bytes]] = {}
    while position < len(data):
        if data[position : position + 4] == TERMINATOR:
            raise Malformed(f"a second terminator at {position}")
        header, position = _fields(data, position)
        if {name: type(value) for name, value in header.items()} != {
            "db": str,
            "collection": str,
            "EOF": bool,
            "CRC": int,
        }:
            raise Malformed(f"the header {header}")
        name = (header["db"], header["collection"])
        if name in archive.documents:
            raise Malformed(f"{name} goes on after its end")
        if name not in names and name != ("", "oplog"):
            raise Malformed(f"{name} is not in the prelude")
        if name in FIRST and any(other not in FIRST for other in {**bodies, **archive.documents}):
            raise Malformed(f"{name} does not come first")
        if ("", "oplog") in bodies and name != ("", "oplog"):
            raise Malformed(f"{name} comes after the oplog")
        if header["EOF"]:
            if header["CRC"] != checksums.get(name, 0):
                raise Malformed(f"the checksum of {name}")
            archive.documents[name] = bodies.pop(name, [])
        elif header["CRC"]:
            raise Malformed(f"a checksum before the end of {name}")
        else:
            bodies.setdefault(name, [])
            if len(bodies) > archive.concurrent_collections:
                raise Malformed(f"{len(bodies)} namespaces are open")
        while data[position : position + 4] != TERMINATOR:
            if header["EOF"]:
                raise Malformed(f"{name} has documents in its end")
            document, position = _document(data, position)
            checksums[name] = crc64(document, checksums.get(name, 0))
            bodies[name].append(document)
        position += 4
    if bodies:
        raise Malformed(f"no end of {sorted(bodies)}")
    for entry in archive.entries:
        if sum(name in archive.documents for name in _bodies_of(entry)) != 1:
            raise Malformed(f"{entry.db}.{entry.collection} does not have exactly one end")


def _bodies_of(entry: Entry) -> list[tuple[str, str]]:
    """Return the namespaces that the body of an entry can have: a time series can be stored as its buckets."""
    names = [(entry.db, entry.collection)]
    return [*names, (entry.db, BUCKETS + entry.collection)] if entry.type == "timeseries" else names


def _document(data: bytes, position: int) -> tuple[bytes, int]:
    """Return the raw document that starts here, and the position after it."""
    if len(data) < position + 5:
        raise Malformed(f"the archive ends within a document at {position}")
    (size,) = struct.unpack_from("<i", data, position)
    end = position + size
    if not 5 <= size <= LARGEST_DOCUMENT or end > len(data) or data[end - 1]:
        raise Malformed(f"no document at {position}")
    return data[position:end], end


def _fields(data: bytes, position: int) -> tuple[dict[str, Any], int]:
    """Return the fields of a flat document and the position after it."""
    document, end = _document(data, position)
    fields = list(_elements(document))
    if len(dict(fields)) != len(fields):
        raise Malformed(f"a field twice at {position}")
    return dict(fields), end


def _elements(document: bytes) -> Iterator[tuple[str, Any]]:
    position, end = 4, len(document) - 1
    while position < end:
        kind = document[position]
        zero = document.index(0, position + 1)
        name = document[position + 1 : zero].decode()
        position = zero + 1
        if kind == 0x02:
            (size,) = struct.unpack_from("<i", document, position)
            text = document[position + 4 : position + 4 + size]
            if size < 1 or len(text) != size or text[-1]:
                raise Malformed(f"the text {name}")
            yield name, text[:-1].decode()
            position += 4 + size
        elif kind == 0x08 and document[position] in (0, 1):
            yield name, bool(document[position])
            position += 1
        elif kind in (0x10, 0x12):
            yield name, struct.unpack_from("<i" if kind == 0x10 else "<q", document, position)[0]
            position += 4 if kind == 0x10 else 8
        else:
            raise Malformed(f"the field {name} of type {kind}")
    if position != end:
        raise Malformed("a field goes beyond the end of its document")
