"""Every BSON type with its edge values: a restored backup has the same bytes and gives the same query results."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import bson
from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp
from bson.binary import Binary, UuidRepresentation
from bson.code import Code
from bson.raw_bson import RawBSONDocument
from bson.regex import Regex
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from tests.instances.engines.servers import Server, back_up, inspect

_DEEP: dict[str, Any] = {"a": 1}
for _ in range(90):
    _DEEP = {"a": _DEEP}

VALUES: dict[str, list[Any]] = {
    "double": [0.0, -0.0, 1.5, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan")],
    "string": ["", "\0", "a\0b", "é", "é", "漢字", "\U0001f600", "x" * 100_000],
    "object": [{}, {"": 1}, {"a": {"": {}}}, {"b": 1, "a": 2}, {"a.b": 1, "$c": 2}, _DEEP],
    "array": [[], [[]], [1, "a", None, {"b": []}], list(range(1000))],
    "binary": [Binary(bytes(length), kind) for length in (0, 1, 300) for kind in (0, 1, 2, 5, 6, 128, 255)],
    "uuid": [Binary.from_uuid(UUID(int=7), UuidRepresentation.STANDARD), Binary(bytes(range(16)), 3)],
    "objectid": [ObjectId(b"\0" * 12), ObjectId(b"\xff" * 12), ObjectId()],
    "bool": [True, False],
    "date": [datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)]
    + [bson.DatetimeMS(value) for value in (0, -1)]
    + [datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)],
    "null": [None],
    "regex": [Regex("", ""), Regex("^a.*b$", "imsx"), re.compile("é", re.IGNORECASE)],
    "dbref": [DBRef("orders", ObjectId(b"\1" * 12)), DBRef("orders", 1, "shop", extra=2)],
    "code": [Code(""), Code("function () {}"), Code("x", {}), Code("x", {"x": 1, "y": {"z": 2}})],
    "int32": [0, 1, -1, 2**31 - 1, -(2**31)],
    "int64": [Int64(value) for value in (0, 1, -1, 2**31, 2**63 - 1, -(2**63))],
    "timestamp": [Timestamp(1, 0), Timestamp(1, 1), Timestamp(2**32 - 1, 2**32 - 1)],
    "decimal": [
        Decimal128(text)
        for text in (
            *("0", "-0", "0E+3", "1.0", "1.00", "-1", "NaN", "Infinity", "-Infinity"),
            *("9.999999999999999999999999999999999E+6144", "1E-6176", "-1E-6176", "0E-6176", "0E+6111"),
        )
    ],
    "keys": [MinKey(), MaxKey()],
}


def test_every_type_is_restored_byte_for_byte(tmp_path: Path) -> None:
    documents = [
        bson.encode({"_id": f"{kind}-{number}", "value": value})
        for kind, values in VALUES.items()
        for number, value in enumerate(values)
    ]
    with Server(tmp_path / "original") as server:
        raw = _raw(server)
        raw.insert_many([RawBSONDocument(document) for document in documents])
        contents = back_up(server, tmp_path / "copy")
        order = [document["_id"] for document in raw.find({}).sort("value")]
    with Server(tmp_path / "copy") as restored:
        assert inspect(restored) == contents
        raw = _raw(restored)
        assert {bytes(document.raw) for document in raw.find()} == set(documents)
        assert [document["_id"] for document in raw.find({}).sort("value")] == order


def test_every_type_can_be_an_id(tmp_path: Path) -> None:
    kinds = VALUES.keys() - {"array", "regex", "object", "dbref"}
    values = [value for kind in sorted(kinds) for value in VALUES[kind]]
    with Server(tmp_path / "original") as server:
        raw = _raw(server)
        taken = 0
        for value in values:
            # 1 and 1.0 are the same identifier.
            with suppress(DuplicateKeyError):
                raw.insert_one(RawBSONDocument(bson.encode({"_id": value})))
                taken += 1
        before = {bytes(document.raw) for document in raw.find()}
        contents = back_up(server, tmp_path / "copy")
    assert contents.documents == taken == len(before)
    with Server(tmp_path / "copy") as restored:
        raw = _raw(restored)
        assert {bytes(document.raw) for document in raw.find()} == before


def _raw(server: Server) -> Collection[RawBSONDocument]:
    options = bson.CodecOptions(document_class=RawBSONDocument)
    return server.client().get_database("types").get_collection("values", codec_options=options)  # type: ignore[return-value]
