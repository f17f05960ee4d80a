import threading

import pytest

from instances.engines.deployment import fan_in
from instances.engines.deployment.fan_in import Line, Stopped
from tests.waiting import wait_for


def test_parts_of_a_task_stay_in_order_and_together() -> None:
    def read(task: int, line: Line) -> None:
        for number in range(50):
            line.reserve(10)
            line.put([b"%d" % task, b"%d" % number], 10)

    line = Line(100)
    with line.read_by(read, range(6), threads=3):
        parts = [int(part) for part in line.parts()]
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    assert all([number for each, number in pairs if each == task] == list(range(50)) for task in range(6))


def test_readers_wait_for_the_writer() -> None:
    """The throttle of the writer slows the readers down, and memory is bounded."""
    read_so_far: list[int] = []

    def read(task: int, line: Line) -> None:
        line.reserve(10)
        read_so_far.append(task)
        line.put([bytes(10)], 10)

    line = Line(40)
    with line.read_by(read, range(100), threads=3):
        wait_for(lambda: len(read_so_far) >= 4, because="the readers")
        for number, _ in enumerate(line.parts(), 1):
            # What the writer has, and what waits for it.
            assert len(read_so_far) <= number + 4
    assert len(read_so_far) == 100


def test_more_than_the_limit_passes_alone() -> None:
    def read(size: int, line: Line) -> None:
        line.reserve(size)
        line.put([bytes(size)], size)

    line = Line(10)
    with line.read_by(read, [100, 5, 200], threads=2):
        assert sorted(len(part) for part in line.parts()) == [5, 100, 200]


def test_the_first_error_of_a_reader_reaches_the_writer() -> None:
    def read(task: int, line: Line) -> None:
        if task:
            raise ValueError(task)
        while True:
            line.reserve(1)

    line = Line(1)
    with line.read_by(read, range(2), threads=2), pytest.raises(ValueError, match="1"):
        list(line.parts())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dump-")]


def test_leaving_ends_the_readers() -> None:
    stopped = []

    def read(_task: int, line: Line) -> None:
        try:
            while True:
                line.reserve(1)
                line.put([b"x"], 1)
        except Stopped:
            stopped.append(True)
            raise

    line = Line(5)
    with line.read_by(read, range(3), threads=3):
        assert next(line.parts()) == b"x"
    assert stopped == [True] * 3


def test_the_writer_is_called_while_nothing_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fan_in, "_SECONDS", 0.001)
    called = threading.Event()

    def read(_task: int, line: Line) -> None:
        assert called.wait(10)
        line.put([b"x"])

    line = Line(5)
    with line.read_by(read, [1], threads=1):
        assert list(line.parts(called.set)) == [b"x"]
