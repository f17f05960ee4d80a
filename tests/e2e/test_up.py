"""`manage.py up` as a user or a service manager runs it: start, stop, refusals, and the death of each process."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.e2e.console import ROOT, Console, connect, free_port
from tests.waiting import wait_for


def run_up(console: Console, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a second `up`, which is expected to refuse to start."""
    return subprocess.run(
        [sys.executable, "manage.py", "up", "--no-demo", *arguments],
        cwd=ROOT,
        env={**console.environment, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode != 0
    [line] = done.stderr.strip().splitlines()
    return line


def test_the_first_start_creates_administrator_and_demo_and_a_stop_leaves_no_process(tmp_path: Path) -> None:
    console = Console(tmp_path / "home", demo=True)
    del console.environment["CONSOLE_ADMIN_PASSWORD"]
    console.start()
    try:
        printed = "".join(console.output)
        password = re.search(r"Password: +(\S+)", printed)
        assert password and "Administrator: admin" in printed and console.url in printed
        console.sign_in(password=password.group(1))
        kinds = {}
        for kind, name in (("Sharding", "cluster"), ("ReplicaSet", "replica-set"), ("Single", "single-node")):
            row = console.wait_available(f"demo-{name}")
            kinds[row["type"]] = row["port"]
            assert row["type"] == kind
            with connect(row["port"]) as client:
                databases = [name for name in client.list_database_names() if name != "admin"]
                documents = sum(
                    client[database][collection].count_documents({})
                    for database in databases
                    for collection in client[database].list_collection_names()
                )
            assert documents >= 1000
        assert len(kinds) == 3
        for path in console.home.rglob("*"):
            assert not stat.S_IMODE(path.lstat().st_mode) & 0o077, path
    finally:
        seconds = console.stop()
    assert console.process.returncode == 0
    assert seconds < 10
    assert console.pids() == {}
    assert [port for port in kinds.values() if can_connect(port)] == []

    console.output.clear()
    console.start()
    try:
        assert "Password" not in "".join(console.output)
        console.wait_available("demo-cluster")
        assert len(console.instances.find()) == 3
    finally:
        console.stop()


def test_up_keeps_running_when_its_input_ends(tmp_path: Path) -> None:
    console = Console(tmp_path / "home")
    with subprocess.Popen(
        [sys.executable, "manage.py", "up", "--no-demo", "--port", str(console.port)],
        cwd=ROOT,
        env=console.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stdout is not None
        assert any("The console is ready" in line for line in up.stdout)
        assert up.poll() is None
        up.send_signal(signal.SIGINT)
        assert up.wait(10) == 0


def can_connect(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_sigterm_stops_everything(tree: Console) -> None:
    tree.create_instance("terminated")
    tree.process.terminate()
    assert tree.process.wait(10) == 0
    assert tree.pids() == {}


def test_a_second_up_on_the_same_home_is_refused(console: Console) -> None:
    assert "already running" in one_sentence(run_up(console, "--port", str(free_port())))
    assert console.get("/healthz").status == 200


def test_up_refuses_to_start_on_a_port_in_use(console: Console, tmp_path: Path) -> None:
    done = run_up(console, "--port", str(console.port), CONSOLE_HOME=str(tmp_path / "other"))
    assert f"Port {console.port}" in one_sentence(done)
    assert console.get("/healthz").status == 200


def test_up_warns_if_people_behind_a_proxy_cannot_be_told_apart(console: Console, tmp_path: Path) -> None:
    given = {"CONSOLE_HOME": str(tmp_path / "other"), "CONSOLE_URL": "https://a.example", "CONSOLE_TEST_HOOKS": "0"}
    for proxies, warned in (("0", True), ("1", False)):
        done = run_up(console, "--port", str(console.port), CONSOLE_PROXIES=proxies, **given)
        assert done.returncode != 0 and ("Set CONSOLE_PROXIES=1" in done.stderr) is warned


def test_up_refuses_to_start_with_a_home_that_cannot_be_written(console: Console, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_up(console, "--port", str(free_port()), CONSOLE_HOME=str(tmp_path / "file" / "home"))
    assert "cannot be written" in one_sentence(done)


@pytest.mark.parametrize("whole_group", [False, True], ids=["main process alone", "whole group"])
def test_a_killed_web_server_comes_back(tree: Console, whole_group: bool) -> None:
    main = tree.pid_of("console.processes.web_server")
    if whole_group:
        os.killpg(main, signal.SIGKILL)
    else:
        os.kill(main, signal.SIGKILL)
    wait_for(lambda: tree.pid_of("console.processes.web_server") != main, because="a new web server")
    wait_for(lambda: health(tree) == 200, because="an answer of the new web server")
    assert tree.get("/instances/").status == 200


def health(console: Console) -> int:
    try:
        return console.get("/healthz").status
    except OSError:
        return 0


def test_a_killed_agent_comes_back_with_its_servers(tree: Console) -> None:
    instance = tree.create_instance("agent-killed")
    with connect(instance["port"]) as client:
        client["shop"]["orders"].insert_many({"_id": number} for number in range(100))
    agent = tree.pid_of("manage.py agent")
    os.kill(agent, signal.SIGKILL)
    wait_for(lambda: tree.pid_of("manage.py agent") != agent, because="a new agent")
    wait_for(lambda: tree.instance("agent-killed")["state"] == "starting", because="the row to say so")
    tree.wait_available("agent-killed")
    with connect(instance["port"]) as client:
        assert client["shop"]["orders"].count_documents({}) == 100


def test_a_killed_server_comes_back(tree: Console) -> None:
    instance = tree.create_instance("server-killed")
    server = tree.pid_of(instance["id"])
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: tree.instance("server-killed")["state"] == "abnormal", because="Abnormal")
    tree.wait_available("server-killed")
    assert tree.pid_of(instance["id"]) != server
    assert tree.instance("server-killed")["port"] == instance["port"]


def test_a_killed_up_leaves_nothing_running(tree: Console) -> None:
    tree.create_instance("up-killed")
    # `up`, the web server, the agent and the database server.
    assert len(tree.pids()) >= 4
    tree.process.kill()
    tree.process.wait()
    wait_for(lambda: tree.pids() == {}, seconds=15, because="the end of every process")


def test_an_instance_gets_another_port_at_once_if_its_first_is_taken_meanwhile(fresh_console: Console) -> None:
    """Bind the port but listen on it later: the port check finds it free, and the server then cannot use it."""
    first = int(fresh_console.environment["CONSOLE_FIRST_DB_PORT"])
    with socket.socket() as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        rival.bind(("127.0.0.1", first))
        taken = threading.Thread(target=listen_once_bound, args=[rival, fresh_console], daemon=True)
        taken.start()
        row = fresh_console.create_instance("orders")
        taken.join()
    assert row["port"] > first


def listen_once_bound(rival: socket.socket, console: Console) -> None:
    wait_for(lambda: console.instance("orders").get("port"), because="a port")
    rival.listen()
