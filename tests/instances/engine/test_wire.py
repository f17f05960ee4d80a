"""Messages that are not as they should be."""

import socket
import struct

import bson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instances.engine import client, wire
from instances.engine.wire import Document, Malformed
from tests.instances.engine.servers import Server

PING = bson.encode({"ping": 1, "$db": "admin"})
CHECKSUM_PRESENT, MORE_TO_COME = 1, 2


def message(payload: bytes, *, length: int | None = None, opcode: int = wire.OP_MSG) -> bytes:
    size = wire.HEADER.size + len(payload) if length is None else length
    return wire.HEADER.pack(size, 7, 0, opcode) + payload


def op_msg(*sections: bytes, flags: int = 0, tail: bytes = b"") -> bytes:
    return struct.pack("<I", flags) + b"".join(sections) + tail


def body(document: Document) -> bytes:
    return b"\0" + bson.encode(document)


def sequence(name: str, *documents: bytes, size: int = 0) -> bytes:
    content = name.encode() + b"\0" + b"".join(documents)
    return b"\1" + struct.pack("<i", size or 4 + len(content)) + content


class Raw:
    """A connection that sends whatever bytes it is given."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 5)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> Document | None:
        """The next reply, or None if the server closed the connection."""
        try:
            header = self.socket.recv(wire.HEADER.size, socket.MSG_WAITALL)
            if not header:
                return None
            length, _, answers, _ = wire.HEADER.unpack(header)
            assert answers == 7
            return wire.decode(self.socket.recv(length - len(header), socket.MSG_WAITALL)).body
        except ConnectionResetError:
            return None


@pytest.fixture
def raw(shared: Server) -> Raw:
    return Raw(shared.port)


def test_a_document_sequence_is_part_of_the_body() -> None:
    payload = op_msg(body({"insert": "a"}), sequence("documents", bson.encode({"n": 1}), bson.encode({"n": 2})))
    assert wire.decode(payload).body == {"insert": "a", "documents": [{"n": 1}, {"n": 2}]}


def test_a_checksum_is_not_part_of_the_message(raw: Raw) -> None:
    raw.send(message(op_msg(b"\0" + PING, flags=CHECKSUM_PRESENT, tail=b"\1\2\3\4")))
    assert raw.receive() == {"ok": 1}


def test_a_message_that_wants_no_reply_gets_none(raw: Raw) -> None:
    raw.send(message(op_msg(b"\0" + PING, flags=MORE_TO_COME)))
    raw.send(message(op_msg(b"\0" + bson.encode({"nonsense": 1}), flags=MORE_TO_COME)))
    raw.send(message(op_msg(b"\7", flags=MORE_TO_COME)))
    raw.send(message(op_msg(body({"nonsense": 2, "$db": "a"}))))
    assert "nonsense" in str(raw.receive())


@pytest.mark.parametrize(
    "payload",
    [
        op_msg(),
        op_msg(b"\0"),
        op_msg(b"\5" + PING),
        op_msg(b"\0" + PING[:-3]),
        op_msg(b"\0" + b"\xff\xff\xff\x7f" + PING[4:]),
        op_msg(b"\0" + b"\xff\xff\xff\xff" + PING[4:]),
        op_msg(b"\0" + PING, b"\0" + PING),
        op_msg(sequence("documents", PING)),
        op_msg(body({"insert": "a"}), sequence("documents", PING[:-2])),
        op_msg(body({"insert": "a"}), sequence("documents", PING, b"\0\0\0")),
        op_msg(body({"insert": "a"}), sequence("documents", PING, size=2**30)),
        op_msg(body({"insert": "a"}), sequence("documents", PING, size=-5)),
        op_msg(body({"insert": "a"}), sequence("documents", PING), sequence("documents", PING)),
        op_msg(body({"insert": "a", "documents": []}), sequence("documents", PING)),
        op_msg(b"\0" + PING, flags=1 << 5),
        op_msg(b"\0" + PING, flags=CHECKSUM_PRESENT),
        op_msg(b"\0" + struct.pack("<i", 12) + b"\x01a\0\0\0\0\0\0"),
        op_msg(body({})),
    ],
)
def test_a_malformed_command_is_an_error_and_the_next_one_works(raw: Raw, payload: bytes) -> None:
    with pytest.raises(Malformed):
        wire.decode(payload)
    raw.send(message(payload))
    reply = raw.receive()
    assert reply is not None and (reply["ok"], reply["code"]) == (0, 9)
    raw.send(message(op_msg(b"\0" + PING)))
    assert raw.receive() == {"ok": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n" + b"x" * 100,
        message(b"", length=0),
        message(b"", length=-1),
        message(b"", length=2**31 - 1),
        message(b"\0" * 20, opcode=2012),
        message(b"\0" * 20, opcode=0),
        message(b"\0" * 3, opcode=wire.OP_QUERY),
        message(b"\0" * 4 + b"admin.$cmd\0" + b"\0" * 8 + b"\xff\xff\xff\xff", opcode=wire.OP_QUERY),
    ],
)
def test_a_connection_that_makes_no_sense_is_closed(shared: Server, raw: Raw, data: bytes) -> None:
    raw.send(data)
    assert raw.receive() is None
    assert client.ping(shared.port)


def test_a_connection_cut_in_the_middle_of_a_message_harms_nobody(shared: Server) -> None:
    for cut in (1, 15, 16, 30):
        half = Raw(shared.port)
        half.send(message(op_msg(b"\0" + PING))[:cut])
        half.socket.close()
    assert client.ping(shared.port)


def test_a_document_nested_too_deep_is_an_error(shared: Server) -> None:
    deep: Document = {}
    for _ in range(150):
        deep = {"a": deep}
    nested = b"\5\0\0\0\0"
    for _ in range(20_000):
        nested = struct.pack("<i", len(nested) + 8) + b"\3a\0" + nested + b"\0"
    for documents in ([deep], None):
        with client.Connection(shared.port) as connection:
            if documents:
                assert connection.command({"insert": "deep", "documents": documents}, database="shop")["n"] == 1
        raw = Raw(shared.port)
        raw.send(message(op_msg(body({"insert": "deep", "$db": "shop"}), sequence("documents", nested))))
        reply = raw.receive()
        assert reply is not None and reply["ok"] == 0
    assert client.ping(shared.port)


def test_only_the_handshake_may_come_in_the_old_way(raw: Raw) -> None:
    greeting, command = ({"isMaster": 1, "helloOk": True}, {"drop": "items"})
    for query in (greeting, command):
        payload = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + bson.encode(query)
        raw.send(message(payload, opcode=wire.OP_QUERY))
        length, _, answers, opcode = wire.HEADER.unpack(raw.socket.recv(16, socket.MSG_WAITALL))
        reply = bson.decode(raw.socket.recv(length - 16, socket.MSG_WAITALL)[20:])
        assert (answers, opcode) == (7, wire.OP_REPLY)
        assert reply.get("ismaster") is True if query is greeting else reply["code"] == 352


@given(payload=st.binary(max_size=80))
@example(payload=op_msg(b"\0" + PING))
def test_any_bytes_are_either_a_command_or_malformed(payload: bytes) -> None:
    try:
        request = wire.decode(payload)
    except Malformed:
        return
    assert request.body


@given(flags=st.sampled_from([0, 1, 2, 3]), cut=st.integers(1, 40), value=st.binary(max_size=6))
def test_a_damaged_command_is_either_a_command_or_malformed(flags: int, cut: int, value: bytes) -> None:
    whole = op_msg(body({"insert": "a"}), sequence("documents", bson.encode({"n": 1}), PING), flags=flags)
    cut = min(cut, len(whole) - 1)
    test_any_bytes_are_either_a_command_or_malformed.hypothesis.inner_test(whole[:cut] + value + whole[cut:])  # type: ignore[attr-defined]
