import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from instances.engine import client, wire
from instances.engine.client import EngineError
from tests.instances.engine.servers import Server, free_port


@contextmanager
def answering(data: bytes) -> Iterator[int]:
    """A port where whatever is sent is answered with these bytes; nothing, and the connection stays open."""
    done = threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(data)
            if not data:
                done.wait(10)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        done.set()
        thread.join()


def test_a_command_returns_the_reply(shared: Server) -> None:
    assert client.command(shared.port, {"ping": 1}) == {"ok": 1}
    assert client.command(shared.port, {"count": "nothing"}, database="nowhere")["n"] == 0


def test_a_connection_serves_many_commands(shared: Server) -> None:
    with client.Connection(shared.port) as connection:
        for _ in range(3):
            assert connection.command({"ping": 1}) == {"ok": 1}


def test_a_large_reply_arrives_whole(shared: Server) -> None:
    with client.Connection(shared.port) as connection:
        text = "x" * 3_000_000
        connection.command({"insert": "large", "documents": [{"_id": 1, "text": text}]}, database="client")
        assert connection.command({"find": "large"}, database="client")["cursor"]["firstBatch"][0]["text"] == text


def test_a_refusal_is_an_error_with_the_servers_code(shared: Server) -> None:
    with pytest.raises(EngineError, match=r"^The database server refused: no such command: 'nonsense'$") as refused:
        client.command(shared.port, {"nonsense": 1})
    assert refused.value.code == 59


def test_no_server_is_an_error() -> None:
    port = free_port()
    with pytest.raises(EngineError, match=f"^No database server answers on port {port}.$"):
        client.command(port, {"ping": 1})
    assert client.ping(port) is False


def test_a_server_that_does_not_answer_in_time_is_an_error() -> None:
    with (
        answering(b"") as port,
        pytest.raises(EngineError, match=r"^The database server did not answer within 0.1 s.$"),
    ):
        client.command(port, {"ping": 1}, timeout=0.1)
    with answering(b"") as port:
        assert client.ping(port, timeout=0.1) is False


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 400 Bad Request\r\n\r\n", wire.encode({"ok": 1})[:-2], wire.HEADER.pack(2**31 - 1, 1, 1, 2013)]
)
def test_an_answer_that_makes_no_sense_is_an_error(data: bytes) -> None:
    with answering(data) as port, pytest.raises(EngineError, match=r"^The connection to the database server broke.$"):
        client.command(port, {"ping": 1})


def test_ping(shared: Server) -> None:
    assert client.ping(shared.port) is True
