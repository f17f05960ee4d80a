"""Agent and web server may open as many files and connections as the system allows, whatever the shell's limit is."""

import resource
import signal
import socket
import sys
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from console.processes import home, web_server


class Started(Exception):
    pass


def started(*_: object, **__: object) -> None:
    raise Started


@pytest.fixture(autouse=True)
def most() -> Iterator[int]:
    """Lower the soft limit; return the hard limit."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] - 1, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_agent_raises_the_limit(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "prepare", started)
    with pytest.raises(Started):
        call_command("agent")
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)


def test_the_web_server_raises_the_limit(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "die_with", lambda parent: None)
    monkeypatch.setattr(web_server, "WebServer", started)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with socket.socket() as listening:
        options = f"--socket {listening.fileno()} --threads 1 --parent-pid 1"
        monkeypatch.setattr(sys, "argv", ["web_server", *options.split()])
        monkeypatch.setattr(socket, "socket", lambda fileno: listening)
        with pytest.raises(Started):
            web_server.main()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
