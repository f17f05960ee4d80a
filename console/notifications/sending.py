"""Start sender.py, which checks a URL or sends a message, and read its answer."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from console.notifications.messages import APP, Outgoing
from console.text.messages import Message

# After this many seconds an attempt has failed, whatever the receiver does.
TIME_LIMIT = 25.0
_SENDER = str(Path(__file__).with_name("sender.py"))
# All that sender.py gets of the environment: it does not need the console's secrets.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_PASSED = ["PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"]
_PASSED += [*_PROXIES, *map(str.upper, _PROXIES)]


# The messages for the outcomes of sender.py.
_REASONS = {
    "url": "delivery.url",
    "local": "delivery.local",
    "address": "delivery.address",
    "file": "delivery.file",
    "tls": "delivery.tls",
    "silent": "delivery.silent",
    "unreachable": "delivery.unreachable",
    "failed": "delivery.failed",
}


class Sending:
    """A running sender.py. It never blocks its caller, except for check()."""

    def __init__(self, request: dict[str, Any]) -> None:
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        self._ends = time.monotonic() + TIME_LIMIT
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", _SENDER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"HOME": "/nonexistent", "TZ": "UTC"},
            cwd="/",
        )
        assert self._process.stdin is not None
        # A request is far smaller than what a pipe takes at once.
        try:
            self._process.stdin.write(json.dumps(request).encode())
            self._process.stdin.close()
        except BrokenPipeError:
            # It ended at once; failure() says so.
            pass

    @classmethod
    def of(cls, message: Outgoing) -> "Sending":
        return cls(asdict(message))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        """True until the message is sent or has failed; ends an attempt that takes too long."""
        if self._process.poll() is not None:
            return False
        if time.monotonic() < self._ends:
            return True
        self.stop()
        return False

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def failure(self) -> str:
        """Return why the attempt failed, without any secret; "" if the message is sent. Call it once, at the end."""
        assert self._process.stdout is not None
        with self._process.stdout as output:
            written = output.read(1000)
        if self._process.returncode < 0:
            # Killed by stop(), or by its own alarm.
            return Message("delivery.silent")
        try:
            answer = json.loads(written)
            return explain(answer["outcome"], int(answer["status"]))
        except (ValueError, KeyError, TypeError):
            return Message("delivery.crashed")


def explain(outcome: str, status: int) -> str:
    """Return what an answer of sender.py means; "" for a success. Raises KeyError for an unknown one."""
    if outcome == "ok":
        return ""
    return Message("delivery.status", status=status) if outcome == "status" else Message(_REASONS[outcome])


def check(url: str) -> str:
    """Return why nothing could be sent to the URL, judging by its text alone; "" if it can be used."""
    checking = Sending({"url": url, "app": APP})
    while checking.running:
        time.sleep(0.02)
    return checking.failure()
