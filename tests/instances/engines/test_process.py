"""The server process: one for each home, ends with its parent, and stays reachable while a client is silent."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from pytest_django import Settings

from instances.engines import embedded
from instances.engines.embedded import process
from tests.certificates import certificate
from tests.instances.engines.servers import Server
from tests.waiting import wait_for

# Starts a server with the home and port from the arguments, then kills itself after a line of input.
_KILLED_PARENT = """
import os, signal, sys
from pathlib import Path
import django
django.setup()
from instances.engines.embedded import process
print(process.spawn(Path(sys.argv[1]), int(sys.argv[2])).pid, flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""

# Logs an exception in the same way as a SecantusDB handler that fails unexpectedly.
_FAILING_HANDLER = """
import logging
from pathlib import Path
from launcher.logs import log_to_stderr
log_to_stderr(Path("data"))
try:
    int("Nobody-reads-this")
except ValueError:
    logging.getLogger("secantus").exception("unhandled error")
"""


def test_a_server_ends_when_its_parent_is_killed(server: Server) -> None:
    process.stop(server.running)
    command = [sys.executable, "-c", _KILLED_PARENT, str(server.home), str(server.port)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    ) as parent:
        assert parent.stdin and parent.stdout
        assert int(parent.stdout.readline())
        wait_for(lambda: embedded().alive(server.address), because="the database server")
        parent.communicate("\n")
    with process.exclusive(server.home):
        assert not embedded().alive(server.address)
    assert server.log().strip().endswith("Stopped")


def test_a_server_whose_parent_has_already_ended_does_not_start(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.stop(server.running)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    server.start(wait=False)
    assert server.running.wait(20) == 1
    assert process.last_words(server.home) == "The process that started the server has ended."


def test_a_second_server_of_a_home_waits_until_the_first_has_released_the_files(server: Server) -> None:
    second = Server(server.home)
    second.start(wait=False)
    try:
        time.sleep(2)
        assert second.running.poll() is None and not embedded().alive(second.address)
        process.stop(server.running)
        second.wait_for_answer()
    finally:
        process.stop(second.running)


@pytest.mark.parametrize("tls", [False, True])
def test_a_silent_client_does_not_block_other_clients(tmp_path: Path, settings: Settings, tls: bool) -> None:
    if tls:
        settings.CONSOLE_DB_TLS_CERTIFICATE = str(certificate(tmp_path / "a.pem", addresses=["127.0.0.1"]))
        settings.CONSOLE_DB_TLS_KEY = str(tmp_path / "a.key")
        settings.CONSOLE_DB_TLS_CA = settings.CONSOLE_DB_TLS_CERTIFICATE
    with Server(tmp_path / "home") as server, closing(socket.create_connection(("127.0.0.1", server.port))):
        assert embedded().alive(server.address)


def test_the_log_has_the_type_and_place_of_an_exception_but_not_its_text() -> None:
    command = [sys.executable, "-P", "-c", _FAILING_HANDLER]
    environment = {**os.environ, "PYTHONPATH": str(Path(process.__file__).parent)}
    log = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=True).stderr
    assert "unhandled error" in log and "ValueError at " in log and "Nobody-reads-this" not in log
