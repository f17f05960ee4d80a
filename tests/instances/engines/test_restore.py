"""If the exchange of data directories is interrupted after any step, one of the two always exists and is complete."""

import fcntl
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instances.engines.base import FilesInUse
from instances.engines.embedded import process, restore

TAG = "7d0c9a5e"


class Crash(BaseException):
    """The end of the process, which handlers of ordinary errors must not catch."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Create an instance's home that contains an unpacked restoration."""
    home = tmp_path / "home"
    fill(process.data_dir(home), "old")
    fill(restore.incoming(home, TAG), "restored")
    return home


def fill(directory: Path, content: str) -> None:
    directory.mkdir(parents=True)
    for name in ("WiredTiger", "WiredTiger.wt", "secantus_shop.wt"):
        (directory / name).write_text(content)


def held(home: Path) -> set[str]:
    """Return the contents of the data directory's files; assert that all the files exist."""
    files = {path.name: path.read_text() for path in process.data_dir(home).iterdir()}
    assert files.keys() == {"WiredTiger", "WiredTiger.wt", "secantus_shop.wt"}
    return set(files.values())


def entries(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()} - {process.LOCK_NAME}


@pytest.fixture
def crash_after(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Return a function that allows a number of further disk changes; the next change crashes."""
    left = [10**6]

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                raise Crash
            left[0] -= 1
            return function(*args, **kwargs)

        return call

    for owner, name in ((Path, "rename"), (os, "fsync"), (os, "unlink"), (os, "rmdir")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))

    def set_left(steps: int) -> None:
        left[0] = steps

    yield set_left


def complete(home: Path) -> None:
    restore.exchange(home, TAG)
    restore.settle(home, TAG, restored=True)


def take_back(home: Path) -> None:
    restore.exchange(home, TAG)
    restore.settle(home, TAG, restored=False)


@pytest.mark.parametrize("steps", range(20))
@pytest.mark.parametrize("again", range(0, 12, 3))
def test_an_exchange_interrupted_anywhere_is_undone_completely_even_if_the_undo_is_interrupted(
    home: Path, crash_after: Callable[[int], None], steps: int, again: int
) -> None:
    crash_after(steps)
    try:
        take_back(home)
    except Crash:
        crash_after(again)
        try:
            restore.settle(home, TAG, restored=False)
        except Crash:
            crash_after(10**6)
            restore.settle(home, TAG, restored=False)
    assert held(home) == {"old"}
    assert entries(home) == {"data"}
    assert restore.tags(home) == set()


def test_the_range_of_interruptions_covers_every_step(home: Path, crash_after: Callable[[int], None]) -> None:
    """The range above has to reach the last step."""
    for steps in itertools.count():
        crash_after(steps)
        try:
            take_back(home)
        except Crash:
            crash_after(10**6)
            restore.settle(home, TAG, restored=False)
            fill(restore.incoming(home, TAG), "restored")
        else:
            break
    assert 8 < steps < 20


@pytest.mark.parametrize("steps", range(4, 12))
def test_a_completed_restoration_survives_an_interruption_anywhere_while_it_settles(
    home: Path, crash_after: Callable[[int], None], steps: int
) -> None:
    crash_after(steps)
    try:
        complete(home)
    except Crash:
        crash_after(10**6)
        restore.settle(home, TAG, restored=True)
    assert held(home) == {"restored"}
    assert entries(home) == {"data"}


def test_an_exchanged_directory_differs_from_an_untouched_directory(home: Path) -> None:
    assert not restore.exchanged(home, TAG)
    assert restore.tags(home) == {TAG}
    restore.exchange(home, TAG)
    assert restore.exchanged(home, TAG)
    assert restore.tags(home) == {TAG}
    restore.settle(home, TAG, restored=True)
    assert not restore.exchanged(home, TAG)


def test_the_end_of_one_restoration_does_not_touch_another(home: Path) -> None:
    fill(restore.incoming(home, "other"), "other")
    restore.settle(home, TAG, restored=False)
    assert restore.tags(home) == {"other"}


def test_no_file_is_moved_while_a_server_runs(home: Path) -> None:
    with (home / process.LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(FilesInUse), process.exclusive(home, seconds=0.1):
            pass
    restore.exchange(home, TAG)
    assert held(home) == {"restored"}


def test_the_first_data_directory_is_put_into_place(tmp_path: Path) -> None:
    fill(restore.incoming(tmp_path, TAG), "restored")
    restore.place(tmp_path, TAG)
    assert held(tmp_path) == {"restored"} and entries(tmp_path) == {"data"}


def test_settling_a_home_that_does_not_exist_does_nothing(tmp_path: Path) -> None:
    restore.settle(tmp_path / "nothing", TAG, restored=False)
