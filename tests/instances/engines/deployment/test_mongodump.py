import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson import Decimal128, Int64, Regex, decode
from fastcrc import crc64

from instances.engines.base import EngineError
from instances.engines.deployment import mongodump
from instances.engines.deployment.mongodump import (
    Body,
    Definition,
    Documents,
    DumpDamaged,
    End,
    Entry,
    Header,
    Namespace,
    Prelude,
    parse,
)

HEADER = Header(parallel=4, server_version="8.0.4", tool_version="100.10.0")
A, B = Namespace("shop", "a"), Namespace("shop", "b")
ONE, TWO = bson.encode({"_id": 1}), bson.encode({"_id": 2, "text": "x" * 100})


def test_the_checksum_is_crc_64_xz() -> None:
    assert crc64.xz(b"123456789") == 0x995DC9BBDF1939FA
    body = Body(A)
    for part in (b"1234", b"", b"56789"):
        body.segment(part)
    assert decode(body.end()[:-4])["CRC"] == 0x995DC9BBDF1939FA - 2**64


def test_every_byte_of_a_dump() -> None:
    entry = Entry(A, "{}")
    body = Body(A)
    written = b"".join(
        [*mongodump.prelude(HEADER, [entry]), *body.segment(ONE), *body.segment(TWO), body.end()],
    )
    crc = crc64.xz(ONE + TWO)
    expected = (
        b"\x6d\xe2\x99\x81"
        + _document(
            b"\x10concurrent_collections\0\x04\0\0\0",
            b"\x02version\0\x04\0\0\x000.1\0",
            b"\x02server_version\0\x06\0\0\x008.0.4\0",
            b"\x02tool_version\0\x09\0\0\x00100.10.0\0",
        )
        + _document(
            b"\x02db\0\x05\0\0\0shop\0",
            b"\x02collection\0\x02\0\0\0a\0",
            b"\x02metadata\0\x03\0\0\0{}\0",
            b"\x10size\0\0\0\0\0",
            b"\x02type\0\x0b\0\0\0collection\0",
        )
        + b"\xff\xff\xff\xff"
        + (_segment(ends=False, crc=0) + ONE + b"\xff\xff\xff\xff")
        + (_segment(ends=False, crc=0) + TWO + b"\xff\xff\xff\xff")
        + (_segment(ends=True, crc=crc) + b"\xff\xff\xff\xff")
    )
    assert written == expected


def _document(*fields: bytes) -> bytes:
    content = b"".join(fields) + b"\0"
    return struct.pack("<i", len(content) + 4) + content


def _segment(*, ends: bool, crc: int) -> bytes:
    return _document(
        b"\x02db\0\x05\0\0\0shop\0",
        b"\x02collection\0\x02\0\0\0a\0",
        b"\x08EOF\0" + (b"\1" if ends else b"\0"),
        b"\x12CRC\0" + crc.to_bytes(8, "little"),
    )


def test_the_metadata_is_canonical_extended_json() -> None:
    definition = Definition(
        {"capped": True, "size": Int64(4096), "validator": {"x": {"$regex": Regex("^a", "i")}}},
        [{"v": 2, "key": {"größe": -1.0}, "name": "größe", "expireAfterSeconds": 60}],
        "0123456789abcdef0123456789abcdef",
    )
    entry = Entry.defined(A, definition)
    assert entry.metadata == (
        '{"options": {"capped": true, "size": {"$numberLong": "4096"}, "validator": {"x": {"$regex":'
        ' {"$regularExpression": {"pattern": "^a", "options": "i"}}}}}, "indexes": [{"v": {"$numberInt": "2"},'
        ' "key": {"größe": {"$numberDouble": "-1.0"}}, "name": "größe", "expireAfterSeconds": {"$numberInt": "60"}}],'
        ' "uuid": "0123456789abcdef0123456789abcdef", "collectionName": "a", "type": "collection"}'
    )
    assert entry.definition() == definition


def test_definitions_keep_every_type() -> None:
    options = {
        "double": 1.0,
        "nan": float("inf"),
        "int": 1,
        "long": Int64(1),
        "decimal": Decimal128("1.0"),
        "far": bson.DatetimeMS(2**62),
        "id": bson.ObjectId(),
        "least": bson.MinKey(),
    }
    raw = bson.encode(options)
    entry = Entry.defined(A, Definition(decode(raw, mongodump.CODEC)))
    assert bson.encode(entry.definition().options) == raw


def test_a_time_series_has_the_documents_of_its_buckets() -> None:
    entry = Entry.defined(A, Definition({"timeseries": {"timeField": "t"}}), mongodump.TIME_SERIES)
    assert entry.body == ("shop", "system.buckets.a")
    assert Entry.defined(A, Definition({"viewOn": "b"}), mongodump.VIEW).body == A


# --- Reading -------------------------------------------------------------------------------------------------


def written(
    *parts: bytes | list[bytes | memoryview], entries: tuple[Entry, ...] = (Entry(A, "{}"), Entry(B, "{}"))
) -> bytes:
    flat = [part if isinstance(part, bytes) else b"".join(part) for part in parts]
    return b"".join([*mongodump.prelude(HEADER, entries), *flat])


def in_blocks(content: bytes, size: int) -> Iterator[memoryview]:
    """Yield the content in blocks that are overwritten when the next is requested, as those of an archive are."""
    for start in range(0, len(content), size):
        block = bytearray(content[start : start + size])
        yield memoryview(block)
        block[:] = b"?" * len(block)


def interleaved() -> bytes:
    a, b = Body(A), Body(B)
    return written(a.segment(ONE), b.segment(TWO), a.segment(TWO + ONE), a.end(), b.segment(b""), b.end())


@pytest.mark.parametrize("size", [1, 3, 64, 4096])
def test_parses_interleaved_segments_in_blocks_of_any_size(size: int) -> None:
    parts = list(parse(in_blocks(interleaved(), size)))
    assert parts[0] == Prelude(HEADER, (Entry(A, "{}"), Entry(B, "{}")))
    documents: dict[Namespace, list[bytes]] = {A: [], B: []}
    for part in parts:
        if isinstance(part, Documents):
            assert len(list(part.each())) == part.count
            documents[part.namespace] += part.each()
    assert documents == {A: [ONE, TWO, ONE], B: [TWO]}
    assert [part for part in parts if isinstance(part, End)] == [End(A, 3), End(B, 1)]


def test_a_dump_without_collections() -> None:
    assert list(parse(in_blocks(written(entries=()), 7))) == [Prelude(HEADER, ())]


def test_a_dump_that_ends_anywhere_is_reported() -> None:
    content = interleaved()
    for end in range(len(content)):
        with pytest.raises(DumpDamaged):
            list(parse(in_blocks(content[:end], 50)))


def test_any_flipped_bit_of_a_document_is_reported() -> None:
    content = interleaved()
    start = content.index(TWO)
    for at in range(start, start + len(TWO)):
        damaged = bytearray(content)
        damaged[at] ^= 1
        with pytest.raises(DumpDamaged):
            list(parse(in_blocks(bytes(damaged), 50)))


def _ended(*segments: bytes) -> list[bytes]:
    body = Body(A)
    return [b"".join(body.segment(documents)) for documents in segments] + [body.end()]


BROKEN = {
    "two terminators": (written(mongodump.TERMINATOR, *_ended(ONE)), "two terminators"),
    "an unknown namespace": (
        written(Body(Namespace("shop", "c")).segment(ONE)),
        "shop.c, which the dump does not list",
    ),
    "a namespace after its end": (written(*_ended(ONE), Body(A).segment(ONE)), "shop.a after its end"),
    "a second end": (written(*_ended(ONE), Body(A).end()), "shop.a after its end"),
    "documents in the end": (written(Body(A).end()[:-4] + ONE + mongodump.TERMINATOR), "shop.a after its end"),
    "another checksum": (written(Body(A).segment(ONE), Body(A).end()), "another checksum"),
    "a namespace without end": (written(*_ended(ONE)), "ends early"),
    "a collection twice": (written(entries=(Entry(A, "{}"), Entry(A, "{}"))), "twice"),
    "a document that is too large": (
        written(Body(A).segment(struct.pack("<i", mongodump.DOCUMENT_LIMIT + 1) + bytes(8))),
        f"a document of {mongodump.DOCUMENT_LIMIT + 1} bytes",
    ),
    "a document that is too small": (written(Body(A).segment(struct.pack("<i", 4) + bytes(8))), "of 4 bytes"),
    "a document without its end": (written(Body(A).segment(ONE[:-1] + b"\1")), "without its end"),
    "text after the dump": (interleaved() + b"and more", "a document of"),
    "another file": (b"PK\3\4" + bytes(100), "not an archive of mongodump"),
    "another version": (interleaved().replace(b"0.1\0", b"0.2\0", 1), "version 0.2"),
    "a header of another type": (written(bson.encode({"db": 1}) + mongodump.TERMINATOR), "without db"),
    "a header that is no BSON": (written(b"\x0c\0\0\0\x77x\0\0\0\0\0\0"), "damaged"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rules_are_reported(name: str) -> None:
    content, message = BROKEN[name]
    with pytest.raises(DumpDamaged, match=message):
        list(parse(in_blocks(content, 64)))


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("oplog", [Namespace("", "oplog"), Namespace("local", "oplog.rs")])
def test_a_dump_with_an_oplog_is_refused_but_not_called_damaged(oplog: Namespace, listed: bool) -> None:
    """Mongodump lists it, without metadata or a type."""
    a, last = Body(A), Body(oplog)
    entries = [Entry(A, "{}"), *([Entry(oplog, "", "")] if listed else [])]
    parts: list[Any] = [a.segment(ONE), a.end(), last.segment(TWO), last.end()]
    with pytest.raises(EngineError, match="Dump again without --oplog, or load it with") as refused:
        list(parse(in_blocks(written(*parts, entries=tuple(entries)), 64)))
    assert not isinstance(refused.value, DumpDamaged)


@pytest.mark.parametrize("metadata", ["{", "[]", '{"options": 1}', '{"indexes": [1]}', "[" * 100_000])
def test_broken_metadata_is_reported(metadata: str) -> None:
    with pytest.raises(DumpDamaged, match=r"metadata of shop\.a"):
        Entry(A, metadata).definition()


def test_missing_metadata_means_defaults() -> None:
    assert Entry(A, "").definition() == Definition()


def test_the_largest_document_fits() -> None:
    filler = mongodump.DOCUMENT_LIMIT - len(bson.encode({"_id": 1, "x": b""}))
    large = bson.encode({"_id": 1, "x": bytes(filler)})
    assert len(large) == mongodump.DOCUMENT_LIMIT
    body = Body(A)
    content = written(body.segment(ONE + large + TWO), body.end(), entries=(Entry(A, "{}"),))
    counts = [part.count for part in parse(in_blocks(content, 1024 * 1024)) if isinstance(part, Documents)]
    assert sum(counts) == 3


def test_reading_keeps_a_block_and_a_document_in_memory() -> None:
    source = mongodump._Source(in_blocks(ONE * 100_000, 10_000))
    while not source.ended():
        content, count = source.documents()
        assert len(content) == count * len(ONE) <= 10_000 + len(ONE)


@pytest.mark.parametrize(
    "filter",
    [
        {"name": {"$regex": "^a", "$options": "i", "$ne": "ab"}},
        {"name": {"$regex": Regex("^a", "i"), "$nin": ["ab"]}},
        {"name": Regex("^a", "i"), "at": {"$gt": datetime(2020, 1, 1, tzinfo=UTC)}},
        {"$expr": {"$eq": ["$a", {"$literal": Int64(5)}]}},
    ],
    ids=str,
)
def test_validators_and_views_mean_the_same_afterwards(filter: dict[str, Any]) -> None:
    before = Definition({"validator": filter, "pipeline": [{"$match": filter}]})
    after = Entry.defined(Namespace("shop", "orders"), before).definition()
    assert after.options == before.options
    assert list(after.options["validator"]) == list(filter)
