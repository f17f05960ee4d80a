"""Read a collection in the server's replies, without decoding its documents, and without copying large ones.

The driver's raw batches copy each reply three times, so that a document of 16 MB takes 80 MB of memory. Here, documents
of a large reply stay in the memory into which the driver received it.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import bson
from pymongo.cursor import RawBatchCursor
from pymongo.errors import ProtocolError

Part = bytes | memoryview
# In bytes. Joining the documents of smaller replies is cheaper than passing them on one by one.
_LARGE = 4 * 1024 * 1024
_LENGTH = struct.Struct("<i")
_EMPTY_ARRAY = b"\5\0\0\0\0"
_DOCUMENT, _LEAST = 3, 5
# The sizes of BSON values by type; of the others, what to add to the length with which they begin.
_FIXED = {1: 8, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8, 19: 16}
_VARIABLE = {2: 4, 3: 0, 4: 0, 5: 5}


@dataclass(frozen=True)
class Batch:
    """The documents of one reply: parts that are BSON documents when concatenated, their number and size in bytes."""

    parts: list[Part]
    count: int
    size: int


class Replies(RawBatchCursor[dict[str, Any]]):
    """A cursor over a collection that yields the documents of each reply as a Batch."""

    def __next__(self) -> Batch:  # type: ignore[override]
        batch = super().__next__()
        assert isinstance(batch, Batch)
        return batch

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        return self

    def _unpack_response(
        self,
        response: Any,
        cursor_id: int | None,
        codec_options: Any,
        user_fields: Mapping[str, Any] | None = None,
        legacy_response: bool = False,
    ) -> list[Any]:
        try:
            rest, batch = taken_apart(memoryview(response.raw_command_response()))
        except (struct.error, IndexError, KeyError) as error:
            raise ProtocolError("The reply is not BSON") from error
        reply = bson.decode(rest)
        for name in {"firstBatch", "nextBatch"} & reply.get("cursor", {}).keys():
            reply["cursor"][name] = [batch] if batch.count else []
        return [reply]


def taken_apart(reply: memoryview) -> tuple[bytes, Batch]:
    """Return the reply with an empty batch, and its batch. Raises ProtocolError, or others if it is not BSON."""
    cursor = _find(reply, 0, {b"cursor"})
    found = cursor and _find(reply, cursor[0], {b"firstBatch", b"nextBatch"})
    if not cursor or not found:
        return bytes(reply), Batch([], 0, 0)
    start, end = found
    rest = bytearray(reply[:start]) + _EMPTY_ARRAY + reply[end:]
    for at in (0, cursor[0]):
        _LENGTH.pack_into(rest, at, _length(reply, at) - (end - start) + len(_EMPTY_ARRAY))
    documents = _documents(reply[start:end])
    size = sum(map(len, documents))
    return bytes(rest), Batch(documents if size > _LARGE else [b"".join(documents)], len(documents), size)


def _documents(array: memoryview) -> list[Part]:
    """Return the documents of an array, whose names are the numbers from 0."""
    documents: list[Part] = []
    at, end, digits, more_digits_from = 4, len(array) - 1, 1, 10
    length = _LENGTH.unpack_from
    while at < end:
        if len(documents) == more_digits_from:
            digits, more_digits_from = digits + 1, more_digits_from * 10
        start = at + digits + 2
        size = length(array, start)[0]
        at, kind = start + size, array[at]
        if kind != _DOCUMENT or size < _LEAST or at > end or array[start - 1]:
            raise ProtocolError("The batch is not an array of documents")
        documents.append(array[start:at])
    return documents


def _find(reply: memoryview, start: int, names: set[bytes]) -> tuple[int, int] | None:
    """Return where the value of one of these names begins and ends in the document that begins at `start`."""
    at, end = start + 4, start + _length(reply, start) - 1
    while at < end:
        kind, named = reply[at], at + 1
        at = named
        while reply[at]:
            at += 1
        name, at = bytes(reply[named:at]), at + 1
        size = _FIXED[kind] if kind in _FIXED else _length(reply, at) + _VARIABLE[kind]
        if name in names:
            return at, at + size
        at += size
    return None


def _length(reply: memoryview, at: int) -> int:
    length: int = _LENGTH.unpack_from(reply, at)[0]
    if length < 0:
        raise ProtocolError("A length is negative")
    return length
