"""Files written durably are complete, whatever other processes write at the same time."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from console.processes.durable import create_durably, write_durably


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Run a function once, in the middle of the next write, as another process would."""
    sync = os.fsync

    def during_the_next_write(act: Callable[[], None]) -> None:
        waiting = [act]

        def fsync(descriptor: int) -> None:
            if waiting:
                waiting.pop()()
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

    return during_the_next_write


def test_two_processes_that_write_a_file_do_not_disturb_each_other(
    tmp_path: Path, interrupt: Callable[[Callable[[], None]], None]
) -> None:
    path = tmp_path / "id"
    interrupt(lambda: write_durably(path, "inner"))
    write_durably(path, "outer")
    assert path.read_text() == "outer" and list(tmp_path.iterdir()) == [path]


def test_of_two_processes_that_create_a_file_the_first_wins(
    tmp_path: Path, interrupt: Callable[[Callable[[], None]], None]
) -> None:
    path = tmp_path / "id"
    interrupt(lambda: create_durably(path, "inner"))
    with pytest.raises(FileExistsError):
        create_durably(path, "outer")
    assert path.read_text() == "inner" and list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_hard_links_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", link)
    create_durably(tmp_path / "id", "content")
    assert (tmp_path / "id").read_text() == "content" and list(tmp_path.iterdir()) == [tmp_path / "id"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, interrupt: Callable[[Callable[[], None]], None]) -> None:
    def fail() -> None:
        raise OSError(errno.EIO, "Input/output error")

    interrupt(fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_durably(tmp_path / "id", "content")
    assert list(tmp_path.iterdir()) == []
