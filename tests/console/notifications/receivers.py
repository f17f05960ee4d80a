"""Receivers of notifications on the loopback interface: an HTTP server and a mail server, both real."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MailHandler


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class HttpReceiver:
    """A web hook: it keeps the messages that it accepts. Tests set what it answers."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        # Unset: requests wait for their answer.
        self.answers = threading.Event()
        self.answers.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.paths.append(self.path)
                receiver.answers.wait(60)
                if receiver.status < 300:
                    receiver.messages.append(body)
                try:
                    self.send_response(receiver.status)
                    for name, value in receiver.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                except OSError:
                    # The sender did not wait for so long.
                    pass

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.port = self.server.server_port

    def url(self, path: str = "/hook", secret: str = "sesame-in-the-url") -> str:
        return f"json://caller:{secret}@127.0.0.1:{self.port}{path}"

    @property
    def sentences(self) -> list[str]:
        """The first lines of the messages: the second is a link."""
        return [message["message"].split("\n")[0] for message in self.messages]


@contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    receiver = HttpReceiver()
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.answers.set()
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


class _Keeping(MailHandler):
    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Mail] = []

    def handle_message(self, message: Mail) -> None:
        self.mails.append(message)


@contextmanager
def mail_receiver(port: int) -> Iterator[list[Mail]]:
    """Run a mail server on the port; yield the mails that it has received."""
    handler = _Keeping()
    server = Controller(handler, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield handler.mails
    finally:
        server.stop()
