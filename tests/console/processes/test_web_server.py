"""The web server with a small application, and clients that are slow or send too much."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from console.processes.bind import bind_socket
from console.processes.web_server import MOST_BODY_BYTES, MOST_CONNECTIONS, WebServer
from tests.waiting import wait_for

Start = Callable[[str, list[tuple[str, str]]], object]


def echo(environ: dict[str, object], start: Start) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()  # type: ignore[attr-defined]
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server with one thread, which gives clients half a second to send a request."""
    listening = bind_socket("127.0.0.1", 0)
    number: int = listening.getsockname()[1]
    server = WebServer(echo, listening, threads=1, receive_seconds=0.5)
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            server.asyncore.loop(timeout=0.1, use_poll=True, map=server._map, count=1)

    thread = threading.Thread(target=run)
    thread.start()
    yield number
    stopped.set()
    thread.join()
    server.task_dispatcher.shutdown()
    server.asyncore.close_all(server._map)


def connect(port: int, sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(sent)
    return client


def request(port: int, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for_body(client: socket.socket) -> None:
    received = b""
    while not received.endswith(b"ok"):
        chunk = client.recv(4096)
        assert chunk
        received += chunk


UNFINISHED = [
    b"",
    b"GET / HTTP/1.1\r\nHost: a",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nten bytes.",
]
WHOLE = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("sent", UNFINISHED, ids=["nothing", "head", "body"])
def test_unfinished_requests_do_not_stop_the_others_and_are_closed(port: int, sent: bytes) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(port, sent)) for _ in range(100)]
        assert request(port, b"in time") == (200, b"in time")
        for client in slow:
            assert client.recv(1) == b""


def test_a_body_that_drips_is_closed_too(port: int) -> None:
    with connect(port, UNFINISHED[2]) as client:

        def closed() -> bool:
            try:
                client.sendall(b"a")
            except OSError:
                return True
            return False

        wait_for(closed, because="the end of the connection")


def test_a_connection_that_rests_between_requests_stays_open(port: int) -> None:
    with connect(port, WHOLE) as resting, connect(port, UNFINISHED[1]) as slow:
        wait_for_body(resting)
        # When the unfinished request has been closed, the one that rests has had as long.
        assert slow.recv(1) == b""
        resting.sendall(WHOLE)
        wait_for_body(resting)


def test_the_largest_body_is_taken_and_a_larger_one_refused(port: int) -> None:
    assert request(port, b"x" * MOST_BODY_BYTES) == (200, b"x" * MOST_BODY_BYTES)
    with connect(port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000000\r\n\r\n") as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_a_length_is_limited_too(port: int) -> None:
    chunk = b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"
    with connect(port, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_reads_nothing_occupies_no_thread(port: int) -> None:
    body = b"x" * MOST_BODY_BYTES
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    with ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connect(port, head + body))
        assert request(port, b"in time") == (200, b"in time")


@pytest.mark.parametrize("sent", [UNFINISHED[1], WHOLE], ids=["unfinished", "between requests"])
def test_at_the_limit_of_connections_the_longest_idle_are_closed(port: int, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS + 20):
            stack.enter_context(connect(port, sent))
        assert request(port, b"in time") == (200, b"in time")


def test_a_clock_that_is_set_back_stops_no_cleanup(port: int) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=365)):
        assert request(port, b"in time") == (200, b"in time")
        early = connect(port, UNFINISHED[1])
    with early, connect(port, UNFINISHED[1]) as late:
        assert early.recv(1) == late.recv(1) == b""
