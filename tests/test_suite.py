"""The test suite's own tools: failure messages, the clock, and the allocation of ports."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console.testing import ports
from tests.hours import MOMENTS, ROOT, Moment

FAILS = "def test_it_fails():\n    assert False\n\n\ndef test_it_passes():\n    pass\n"


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_failure_is_printed_with_the_command_that_runs_the_test_alone(tmp_path: Path, processes: str) -> None:
    (tmp_path / "test_one.py").write_text(FAILS)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "TESTS"))}
    options = ["-p", "tests.failures", "-p", "no:django", "-n", processes, "--randomly-seed=7", "--rootdir", "."]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_one.py"],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": str(ROOT), "TESTS_SUITE": "sqlite"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    alone = ".venv/bin/python -m tests --suite sqlite test_one.py::test_it_fails --randomly-seed=7"
    assert f"FAILED test_one.py::test_it_fails\n  alone: {alone}\n" in done.stdout
    assert "test_it_passes" not in done.stdout


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
def test_every_process_starts_at_the_moment_in_its_time_zone(moment: Moment) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = "import datetime, os; print(datetime.datetime.now(datetime.UTC).isoformat(), os.environ['TZ'])"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, env={**clean, **moment.environment()}, capture_output=True, text=True).stdout
    now, zone = printed.split()
    assert timedelta(0) <= datetime.fromisoformat(now) - moment.at < timedelta(minutes=1)
    assert zone == moment.zone
    assert moment.at.tzinfo is UTC


def test_no_two_workers_share_a_port() -> None:
    workers = [{"PYTEST_XDIST_WORKER": f"gw{number}", "PYTEST_XDIST_WORKER_COUNT": "4"} for number in range(4)]
    shares = [set(ports.share(worker)) for worker in workers]
    assert len(set.union(*shares)) == sum(map(len, shares)) == len(ports.share({}))


def test_a_port_is_never_given_twice_or_while_it_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({ports.free_port() for _ in range(50)}) == 50
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports.free_port()))
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "_given", ports._share.index(port))
        assert ports.free_port() != port
