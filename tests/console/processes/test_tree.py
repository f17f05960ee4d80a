"""The process tree with small programs as children. The real ones are tested end to end."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from console.processes import tree
from console.processes.tree import Child, Tree
from tests.waiting import wait_for

SLEEPER = "import signal; signal.pause()"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    # A zombie has ended; its new parent has not reaped it yet.
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


@pytest.fixture(autouse=True)
def _handlers_come_back() -> object:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_child_that_keeps_dying_stops_the_tree_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "LOOP_SECONDS", 600.0)
    said: list[str] = []
    children = [Child("good", python(SLEEPER)), Child("bad", python("raise SystemExit(3)"))]
    ended_well = Tree(children, ready=lambda: False, on_ready=lambda: None, report=said.append).run()
    assert not ended_well
    assert "bad ended (exit code 3) and is started again." in said
    assert "bad ended 5 times" in said[-1]
    assert children[0].process is not None and children[0].process.returncode == -signal.SIGTERM


def test_the_process_group_of_a_dead_child_is_killed_before_its_restart(tmp_path: Path) -> None:
    """If the main process of a web server is killed, its workers keep the port."""
    note = tmp_path / "pids"
    code = (
        "import os, signal, subprocess, sys\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}])\n"
        f"print(os.getpid(), worker.pid, file=open({str(note)!r}, 'a'), flush=True)\n"
        "signal.pause()\n"
    )
    rounds: list[list[int]] = []

    def look() -> bool:
        if not note.exists():
            return False
        lines = [[int(pid) for pid in line.split()] for line in note.read_text().splitlines()]
        if len(lines) == 1 and not rounds and len(lines[0]) == 2:
            rounds.append(lines[0])
            os.kill(lines[0][0], signal.SIGKILL)
        elif len(lines) == 2 and len(lines[1]) == 2:
            rounds.append(lines[1])
            return True
        return False

    def done() -> None:
        wait_for(lambda: not alive(rounds[0][1]), because="the end of the first worker")
        signal.raise_signal(signal.SIGTERM)

    assert Tree([Child("web", python(code))], ready=look, on_ready=done, report=lambda text: None).run()
    wait_for(lambda: not any(alive(pid) for pid in rounds[1]), because="the end of the second round")


def test_a_child_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tree, "STOP_SECONDS", 0.5)
    ready = tmp_path / "ready"
    stubborn = (
        f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w'); signal.pause()"
    )
    said: list[str] = []
    Tree(
        [Child("web", python(stubborn))],
        ready=ready.exists,
        on_ready=lambda: signal.raise_signal(signal.SIGINT),
        report=said.append,
    ).run()
    assert "did not stop in time" in said[-1]


SLOW = (
    "import signal, sys, time\n"
    "def end(*_):\n"
    "    signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n"
    "    open({told!r}, 'w').close()\n"
    "    while True: time.sleep({seconds}); sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "open({ready!r}, 'w').close()\n"
    "while True: signal.pause()\n"
)


def test_a_child_has_until_the_end_of_the_drain_to_finish_its_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tree, "STOP_SECONDS", 0.5)
    ready = tmp_path / "ready"
    child = Child("agent", python(SLOW.format(told=str(tmp_path / "told"), ready=str(ready), seconds=1.5)))
    said: list[str] = []
    Tree(
        [child], ready=ready.exists, on_ready=lambda: signal.raise_signal(signal.SIGTERM), report=said.append, drain=30
    ).run()
    assert child.process is not None and child.process.returncode == 0
    assert said == []


def test_a_second_signal_to_stop_ends_the_wait(tmp_path: Path) -> None:
    ready, told = tmp_path / "ready", tmp_path / "told"
    child = Child("agent", python(SLOW.format(told=str(told), ready=str(ready), seconds=300)))

    def ask_again() -> None:
        wait_for(told.exists, because="the first signal")
        os.kill(os.getpid(), signal.SIGTERM)

    def ask() -> None:
        threading.Thread(target=ask_again, daemon=True).start()
        signal.raise_signal(signal.SIGTERM)

    Tree([child], ready=ready.exists, on_ready=ask, report=lambda text: None, drain=600).run()
    assert child.process is not None and child.process.returncode == 4
