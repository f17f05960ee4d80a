"""The web server process: waitress with the console's WSGI application. Started by `manage.py up`.

Waitress receives a whole request before a thread takes it, and holds what a slow client has not fetched yet, so slow
clients occupy no threads. `up` hands over the listening socket: while a killed process is replaced, clients wait.
"""

import argparse
import logging
import signal
import socket
import sys
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from console.processes.limits import allow_most_descriptors
from console.processes.parent import die_with

# No form of the console is larger.
MOST_BODY_BYTES = 1_000_000
# How long a client may take to send a request, and how long it may fetch nothing of an answer.
RECEIVE_SECONDS = 30
STALLED_SECONDS = 120
MOST_CONNECTIONS = 500
# Above this number, connections that are idle the longest are closed.
_CROWDED = MOST_CONNECTIONS - 50
# A download is read this far ahead of its client, in memory.
_AHEAD_BYTES = 1_000_000


class _Channel(HTTPChannel):
    # Since when the client owes a request or the rest of one, as time.monotonic(); None between requests.
    owes_since: float | None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.owes_since = time.monotonic()
        super().__init__(*arguments, **named)

    def received(self, data: bytes) -> bool:
        self.owes_since = self.owes_since or time.monotonic()
        taken = bool(super().received(data))
        if self.request is None:
            self.owes_since = None
        return taken


class WebServer(TcpWSGIServer):
    """A server on a listening socket. It closes connections whose clients are too slow, which waitress alone allows."""

    channel_class = _Channel
    next_channel_cleanup: float

    def __init__(
        self, application: Any, listening: socket.socket, *, threads: int, receive_seconds: float = RECEIVE_SECONDS
    ) -> None:
        self._receive_seconds = receive_seconds
        settings = Adjustments(
            sockets=[listening],
            threads=threads,
            # `ident` names the server in every answer. The middleware decides which proxy headers to trust.
            ident="",
            clear_untrusted_proxy_headers=False,
            connection_limit=MOST_CONNECTIONS,
            asyncore_use_poll=True,
            channel_timeout=STALLED_SECONDS,
            cleanup_interval=1,
            log_socket_errors=False,
            # Waitress refuses what has this many bytes.
            max_request_body_size=MOST_BODY_BYTES + 1,
            # Above what these can reach, waitress would write to temporary files.
            inbuf_overflow=2 * MOST_BODY_BYTES,
            outbuf_overflow=64 * _AHEAD_BYTES,
            outbuf_high_watermark=_AHEAD_BYTES,
        )
        where = (listening.family, listening.type, listening.proto, listening.getsockname())
        super().__init__(application, _sock=listening, adj=settings, sockinfo=where, bind_socket=False)

    def readable(self) -> bool:
        # The clock may have been set back since the next cleanup was planned.
        self.next_channel_cleanup = min(self.next_channel_cleanup, time.time() + self.adj.cleanup_interval)
        return bool(super().readable())

    def maintenance(self, now: float) -> None:
        """Close connections whose clients are too slow and, if there are too many, those that are idle the longest."""
        late = time.monotonic() - self._receive_seconds
        channels: list[Any] = list(self.active_channels.values())
        for channel in channels:
            channel.last_activity = min(channel.last_activity, now)
            owes = channel.owes_since is not None and channel.owes_since < late
            waits = channel.total_outbufs_len or not channel.requests
            if owes or (waits and channel.last_activity < now - STALLED_SECONDS):
                channel.will_close = True
        idle = sorted((channel for channel in channels if not channel.requests), key=lambda each: each.last_activity)
        for channel in idle[: max(0, len(channels) - _CROWDED)]:
            channel.will_close = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=int, required=True, help="file descriptor of the bound socket")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    options = parser.parse_args()
    die_with(options.parent_pid)
    allow_most_descriptors()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    from console.wsgi import application

    # It would log a line for each request that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    # A download occupies its thread until the client has received most of it: add as many threads for downloads.
    WebServer(application, socket.socket(fileno=options.socket), threads=2 * options.threads).run()


if __name__ == "__main__":
    main()
