import struct
from typing import Any

import bson
import pytest
from bson import Int64, ObjectId, Timestamp
from pymongo.errors import ProtocolError

from instances.engines.deployment import replies
from instances.engines.deployment.replies import taken_apart

REST = {"ok": 1.0, "operationTime": Timestamp(1, 2), "$clusterTime": {"signature": {"hash": bytes(20)}}}
REPLIES: list[dict[str, Any]] = [
    {"cursor": {"firstBatch": None, "id": Int64(7), "ns": "a.b"}, **REST},
    {"cursor": {"nextBatch": None, "partialResultsReturned": True, "id": Int64(0), "ns": "a.b"}, **REST},
    # As routers and other servers order the fields.
    {**REST, "cursor": {"id": Int64(7), "ns": "a.b", "atClusterTime": Timestamp(1, 2), "nextBatch": None}},
    {"n": 1, "t": True, "x": None, "i": ObjectId(), "d": bson.DatetimeMS(1), "cursor": {"firstBatch": None}},
]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 99, 100, 101, 1234])
@pytest.mark.parametrize("reply", REPLIES)
def test_takes_the_documents_out_of_a_reply(reply: dict[str, Any], count: int) -> None:
    documents = [{"_id": number, "nested": {"firstBatch": [1]}, "cursor": "x" * number} for number in range(count)]
    name = next(name for name in reply["cursor"] if name.endswith("Batch"))
    full = reply | {"cursor": reply["cursor"] | {name: documents}}
    rest, batch = taken_apart(memoryview(bson.encode(full)))
    assert bson.decode(rest) == bson.decode(bson.encode(reply | {"cursor": reply["cursor"] | {name: []}}))
    assert b"".join(batch.parts) == b"".join(map(bson.encode, documents))
    assert (batch.count, batch.size) == (count, sum(map(len, batch.parts)))


def test_replies_without_a_batch_are_left_alone() -> None:
    for reply in ({"ok": 0.0, "code": 43, "errmsg": "cursor not found"}, {"cursor": {"id": Int64(0)}}):
        content = bson.encode(reply)
        rest, batch = taken_apart(memoryview(content))
        assert (rest, batch.count) == (content, 0)


def test_documents_of_a_large_reply_are_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "_LARGE", 100)
    content = bytearray(bson.encode({"cursor": {"firstBatch": [{"x": b"1" * 80}, {"x": b"2" * 80}]}}))
    _, batch = taken_apart(memoryview(content))
    content[content.index(b"2222")] = ord("3")
    assert [bson.decode(part)["x"][:1] for part in batch.parts] == [b"1", b"3"]


@pytest.mark.parametrize("damage", [0, 4, -1, 2**31 - 1, -(2**31)])
def test_replies_that_are_no_bson_are_rejected(damage: int) -> None:
    content = bson.encode({"cursor": {"firstBatch": [{"_id": 1}, {"_id": 2}], "id": Int64(0)}, "ok": 1.0})
    for at in range(len(content) - 4):
        damaged = bytearray(content)
        struct.pack_into("<i", damaged, at, damage)
        # It may still be a reply, but nothing else happens, and soon.
        try:
            _, batch = taken_apart(memoryview(damaged))
        except (ProtocolError, struct.error, IndexError, KeyError):
            continue
        assert batch.size <= len(content)
