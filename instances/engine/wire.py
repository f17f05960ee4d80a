"""The MongoDB wire protocol, as much of it as one client and one server of ours need.

Every message is a 16-byte header (length, request id, id answered, opcode) and a payload. OP_MSG carries all
commands; OP_QUERY is read and OP_REPLY written only for the greeting of drivers that still open with them.
"""

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bson
from bson.errors import BSONError

Document = dict[str, Any]

HEADER = struct.Struct("<iiii")
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
MAX_MESSAGE_BYTES = 48_000_000
MAX_BATCH = 100_000
# What drivers are told to send at most: the other writers wait meanwhile, and a backup that takes its cut.
DRIVERS_BATCH = 1000

_CHECKSUM_PRESENT, _MORE_TO_COME = 1 << 0, 1 << 1
_KNOWN_REQUIRED_FLAGS = _CHECKSUM_PRESENT | _MORE_TO_COME
_REQUIRED_FLAGS = 0xFFFF  # a receiver must refuse a message with one of these that it does not know

_request_ids = itertools.count(1)


class Malformed(ValueError):
    """The bytes are not a message of this protocol."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command as received. `wants_reply` is false for unacknowledged writes (w:0)."""

    body: Document
    wants_reply: bool


def encode(document: Mapping[str, Any], *, answers: int = 0) -> bytes:
    """One OP_MSG with this body. Raises what bson raises for a document that cannot be encoded."""
    payload = struct.pack("<IB", 0, 0) + bson.encode(document)
    return _message(OP_MSG, answers, payload)


def encode_reply(document: Mapping[str, Any], *, answers: int) -> bytes:
    """The answer to an OP_QUERY."""
    return _message(OP_REPLY, answers, struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(document))


def _message(opcode: int, answers: int, payload: bytes) -> bytes:
    request_id = next(_request_ids) & 0x7FFFFFFF
    return HEADER.pack(HEADER.size + len(payload), request_id, answers, opcode) + payload


def more_to_come(payload: bytes) -> bool:
    """True if the sender of this OP_MSG waits for no answer, whatever else is wrong with it."""
    return len(payload) >= 4 and bool(struct.unpack_from("<I", payload)[0] & _MORE_TO_COME)


def decode(payload: bytes) -> Request:
    """Read the payload of an OP_MSG; document sequences are put into the body under their names.

    Strict: a length that does not fit exactly is Malformed, for a batch read in part would be acknowledged in
    part. The checksum, if there is one, is not verified (connections are local).
    """
    if len(payload) < 5:
        raise Malformed("the message is too short")
    flags = struct.unpack_from("<I", payload)[0]
    if flags & _REQUIRED_FLAGS & ~_KNOWN_REQUIRED_FLAGS:
        raise Malformed("the message has unknown flags")
    end = len(payload) - (4 if flags & _CHECKSUM_PRESENT else 0)
    body: Document | None = None
    sequences: dict[str, list[Document]] = {}
    offset = 4
    while offset < end:
        kind, offset = payload[offset], offset + 1
        if kind == 0 and body is None:
            body, offset = _document(payload, offset, end)
        elif kind == 1:
            name, documents, offset = _sequence(payload, offset, end)
            if name in sequences:
                raise Malformed("the message has the same section twice")
            sequences[name] = documents
        else:
            raise Malformed("the message has an unknown section")
    if not body:
        raise Malformed("the message has no body")
    if sequences.keys() & body.keys():
        raise Malformed("the message has the same field twice")
    return Request(body | sequences, wants_reply=not flags & _MORE_TO_COME)


def decode_query(payload: bytes) -> tuple[str, Document]:
    """Read the payload of an OP_QUERY: the full collection name and the query."""
    try:
        name_end = payload.index(b"\0", 4)
        name = payload[4:name_end].decode()
    except ValueError as error:
        raise Malformed("the query has no collection name") from error
    query, _ = _document(payload, name_end + 9, len(payload))
    return name, query


def _document(data: bytes, offset: int, end: int) -> tuple[Document, int]:
    if offset + 5 > end:
        raise Malformed("a document is cut off")
    size = struct.unpack_from("<i", data, offset)[0]
    if not 5 <= size <= end - offset:
        raise Malformed("a document has a wrong length")
    try:
        return bson.decode(data[offset : offset + size]), offset + size
    except BSONError as error:
        raise Malformed("a document is not valid BSON") from error


def _sequence(data: bytes, offset: int, end: int) -> tuple[str, list[Document], int]:
    if offset + 4 > end:
        raise Malformed("a section is cut off")
    size = struct.unpack_from("<i", data, offset)[0]
    if not 5 <= size <= end - offset:
        raise Malformed("a section has a wrong length")
    end = offset + size
    try:
        name_end = data.index(b"\0", offset + 4, end)
        name = data[offset + 4 : name_end].decode()
    except ValueError as error:
        raise Malformed("a section has no name") from error
    documents, offset = [], name_end + 1
    while offset < end:
        document, offset = _document(data, offset, end)
        documents.append(document)
    return name, documents, offset
