"""How the server starts and ends."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from instances.engine import client
from instances.engine.calls import Engine
from instances.engine.guards import GuardedHandler
from tests.instances.engine.servers import Server, free_port, spawn
from tests.waiting import wait_for

INSERT = {"insert": "items", "documents": [{"n": 1}]}


def last_line(home: Path) -> str:
    return (home / "server.log").read_text().splitlines()[-1]


def test_it_listens_on_loopback_only_and_its_files_are_private(server: Server) -> None:
    wanted = f"{server.port:04X}"
    listening = [row.split()[1] for row in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in row]
    assert [address for address in listening if address.endswith(wanted)] == [f"0100007F:{wanted}"]
    client.command(server.port, INSERT, database="shop")
    assert stat.S_IMODE((server.home / "data").stat().st_mode) == 0o700
    for file in [server.home / "server.lock", *(server.home / "data").iterdir()]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_the_log_is_its_own_and_not_that_of_the_engine_which_quotes_documents() -> None:
    program = (
        "import logging; from instances.engine import server; server._log_to_stderr(); "
        "[logging.getLogger(name).critical(name) for name in ('nx_27017', 'neosqlite.collection.cursor', 'own')]"
    )
    logged = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
    assert logged.endswith(" CRITICAL own\n") and logged.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_with_clients_connected(server: Server, number: signal.Signals) -> None:
    client.command(server.port, INSERT, database="shop")
    with client.Connection(server.port):
        server.process.send_signal(number)
        assert server.process.wait(5) == 0
    assert server.files == {"admin.db", "shop.db"}, "the logs are written back into the files"
    assert last_line(server.home).endswith("Stopped")


def test_the_commands_that_run_when_it_stops_are_finished(server: Server) -> None:
    client.command(server.port, INSERT, database="shop")
    threads_before = thread_count(server)
    outside = sqlite3.connect(server.home / "data" / "shop.db", isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    connections = [client.Connection(server.port, timeout=9) for _ in range(3)]
    with ThreadPoolExecutor() as threads:
        running = [threads.submit(connection.command, INSERT, database="shop") for connection in connections]
        # One of them has the thread of the first command; the others run once there are threads for them.
        wait_for(lambda: thread_count(server) == threads_before + 2)
        server.process.terminate()
        wait_for(lambda: not client.ping(server.port, timeout=1))
        outside.execute("ROLLBACK")
        assert [future.result()["n"] for future in running] == [1, 1, 1]
    # The clients stay connected; it does not wait for them once they have their answers.
    assert server.process.wait(3) == 0
    assert outside.execute("SELECT COUNT(*) FROM items").fetchone() == (4,)
    outside.close()
    for connection in connections:
        connection.close()


def thread_count(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


def test_a_command_that_does_not_end_is_cut_off(tmp_path: Path) -> None:
    server = Server(tmp_path, changes={"_DRAIN_SECONDS": 0.2, "_INTERRUPT_SECONDS": 0.2, "_CLOSE_SECONDS": 0.2})
    client.command(server.port, INSERT, database="shop")
    outside = sqlite3.connect(server.home / "data" / "shop.db", isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    with client.Connection(server.port, timeout=0.3) as connection, pytest.raises(client.EngineError):
        connection.command(INSERT, database="shop")
    with client.Connection(server.port, timeout=9) as connection, ThreadPoolExecutor() as threads:
        running = threads.submit(connection.command, INSERT, database="shop")
        server.process.terminate()
        assert server.process.wait(5) == 1
        assert running.exception() is not None
    outside.close()
    server.start()
    assert client.command(server.port, {"count": "items"}, database="shop")["n"] == 1
    server.kill()


def test_a_query_that_takes_long_is_interrupted_when_it_stops(tmp_path: Path) -> None:
    server = Server(tmp_path, changes={"_DRAIN_SECONDS": 0.1})
    slow = [{"a": "a" * 18 + "b"} for _ in range(400)]
    client.command(server.port, {"insert": "items", "documents": slow}, database="shop")
    query = {"find": "items", "filter": {"a": {"$regex": "^(a+)+$"}}}
    with client.Connection(server.port, timeout=9) as connection, ThreadPoolExecutor() as threads:
        running = threads.submit(connection.command, query, database="shop")
        wait_for(lambda: processor_ticks(server) > 100)
        server.process.terminate()
        assert server.process.wait(9) == 0
        error = running.exception()
        assert isinstance(error, client.EngineError) and error.code == 11600
    assert server.files == {"admin.db", "shop.db"}


def processor_ticks(server: Server) -> int:
    """The processor time the server has used, in hundredths of a second."""
    return sum(map(int, Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def test_a_server_that_is_not_stuck_lives_on(tmp_path: Path) -> None:
    server = Server(tmp_path, changes={"_STUCK_SECONDS": 0.7, "_ALIVE_SECONDS": 0.1})
    wait_for(lambda: client.command(server.port, {"serverStatus": 1})["uptime"] >= 2)
    server.kill()


def test_a_regular_expression_without_end_does_not_stop_it_for_ever(tmp_path: Path) -> None:
    """It holds the whole interpreter, so neither ping nor SIGTERM is seen; the supervisor starts it again."""
    server = Server(tmp_path, changes={"_STUCK_SECONDS": 1.0, "_ALIVE_SECONDS": 0.2})
    client.command(server.port, {"insert": "items", "documents": [{"a": "a" * 40 + "b"}]}, database="shop")
    with client.Connection(server.port, timeout=8) as connection, pytest.raises(client.EngineError):
        connection.command({"find": "items", "filter": {"a": {"$regex": "^(a+)+$"}}}, database="shop")
    assert server.process.wait(5) == 1
    assert "Timeout" in server.log() and "aaaa" not in server.log()
    server.start()
    assert client.command(server.port, {"count": "items"}, database="shop")["n"] == 1
    server.kill()


def test_a_port_in_use_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert spawn(tmp_path, port).wait(10) == 1
    assert (tmp_path / "server.log").read_text() == f"Port {port} cannot be used: Address already in use.\n"


def test_a_home_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    process = subprocess.run(
        [
            *(sys.executable, "-m", "instances.engine.server", "--home", str(tmp_path / "gone")),
            *("--port", str(free_port()), "--parent-pid", str(os.getpid())),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert process.stderr == f"The home {tmp_path / 'gone'} cannot be used: No such file or directory.\n"


def test_files_that_are_no_databases_are_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "admin.db").write_bytes(b"not a database" * 100)
    assert spawn(tmp_path, free_port()).wait(10) == 1
    assert last_line(tmp_path) == "The database files cannot be opened: file is not a database."


def test_two_servers_never_use_the_same_files(server: Server) -> None:
    second = spawn(server.home, free_port(), changes={"_LOCK_SECONDS": 0.3})
    assert second.wait(10) == 1
    assert last_line(server.home) == "Another server is using the files of this instance."
    assert client.ping(server.port)


def test_it_waits_for_a_predecessor_that_is_still_closing(server: Server) -> None:
    client.command(server.port, INSERT, database="shop")
    port = free_port()
    successor = spawn(server.home, port)
    try:
        assert not client.ping(port, timeout=0.5)
        assert server.stop() == 0
        wait_for(lambda: client.ping(port))
        assert client.command(port, {"count": "items"}, database="shop")["n"] == 1
    finally:
        successor.kill()
        successor.wait()


def test_it_does_not_start_without_its_parent(tmp_path: Path) -> None:
    assert spawn(tmp_path, free_port(), parent=1).wait(10) == 1
    assert last_line(tmp_path) == "The process that started the server has ended."


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """Even with a command that runs, since nobody is left to kill it."""
    port = free_port()
    program = (
        "import subprocess, sys, os, time; "
        "subprocess.Popen([sys.executable, '-m', 'instances.engine.server', '--home', sys.argv[1], '--port',"
        " sys.argv[2], '--parent-pid', str(os.getpid())]); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(port)]) as parent:
        wait_for(lambda: client.ping(port))
        client.command(port, INSERT, database="shop")
        with client.Connection(port):
            parent.kill()
            wait_for(lambda: not client.ping(port, timeout=1), seconds=10)
    engine = Engine(tmp_path / "data")
    assert engine.counts.storage()["documents"] == 1
    engine.handler.close(1)


def test_closing_waits_for_a_command_but_not_for_ever(handler: GuardedHandler) -> None:
    inside, leave = threading.Event(), threading.Event()

    def use() -> None:
        with handler.transaction("shop"):
            inside.set()
            leave.wait(10)

    user = threading.Thread(target=use)
    user.start()
    inside.wait(10)
    started = time.monotonic()
    assert not handler.close(0.2)
    assert time.monotonic() - started < 2
    leave.set()
    user.join()
    assert handler.close(5)


def test_more_connections_than_it_takes_are_closed_and_the_others_kept(tmp_path: Path) -> None:
    server = Server(tmp_path, changes={"MAX_CLIENTS": 5})
    wait_for(lambda: client.command(server.port, {"serverStatus": 1})["connections"]["current"] == 1)
    kept = [client.Connection(server.port) for _ in range(5)]
    assert all(connection.command({"ping": 1})["ok"] for connection in kept)
    assert not client.ping(server.port)
    assert all(connection.command({"ping": 1})["ok"] for connection in kept)
    for connection in kept:
        connection.close()
    wait_for(lambda: client.ping(server.port))
    server.kill()
