"""The faults: each a context manager, in which the console is hurt and after which it is not any more."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from console.testing.server import manage_py
from tests.faults.site import Site
from tests.waiting import wait_for

OTHER_HOST = "other"


@contextlib.contextmanager
def missing(folder: Path) -> Iterator[None]:
    """The folder is not there."""
    away = folder.with_name(f".{folder.name}-away")
    folder.rename(away)
    try:
        yield
    finally:
        if folder.exists():
            # Raises, if anything was written there meanwhile.
            folder.rmdir()
        away.rename(folder)


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program has the console database for itself."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process stands still, as one of a virtual machine that is being moved does."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def another_agent(site: Site) -> Iterator[None]:
    """An agent of another host on the same console database, which ends the jobs whose leases run out."""
    environment = {
        **site.environment,
        "CONSOLE_HOME": str(site.home.with_name(f"{site.home.name}-other")),
        "CONSOLE_HOST": OTHER_HOST,
        "DATABASE_URL": f"sqlite:///{site.home}/console.sqlite3",
    }
    command = [sys.executable, "manage.py", "agent"]
    agent = subprocess.Popen(command, cwd=manage_py().parent, env=environment, stderr=subprocess.DEVNULL)
    try:
        seen = "SELECT seen FROM instances_host WHERE name = ? AND seen IS NOT NULL"
        wait_for(lambda: site.query(seen, OTHER_HOST), because="another agent")
        yield
    finally:
        agent.terminate()
        agent.wait(20)
        # It has gone for good: new instances are this host's.
        site.execute("DELETE FROM instances_host WHERE name = ?", OTHER_HOST)


@contextlib.contextmanager
def clock(file: Path, hours: float) -> Iterator[None]:
    """The wall clock of every process of the console is off by so much."""
    _set_clock(file, hours)
    try:
        yield
    finally:
        _set_clock(file, 0)


def right_clock(file: Path) -> dict[str, str]:
    """The environment of a console whose clock is right until clock() says otherwise."""
    _set_clock(file, 0)
    return {"PYTHONPATH": str(Path(__file__).parent / "wrong_clock"), "WRONG_CLOCK": str(file)}


def _set_clock(file: Path, hours: float) -> None:
    # In one step: it is read all the time.
    fresh = file.with_suffix(".new")
    fresh.write_text(str(hours * 3600))
    fresh.replace(file)


# --- Archives -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def damaged(archives: list[Path], damage: Callable[[Path], None]) -> Iterator[None]:
    """Each archive is another one meanwhile, made of a copy of it by `damage`."""
    with contextlib.ExitStack() as mend:
        for archive in archives:
            whole = archive.with_name(f".{archive.name}.whole")
            archive.rename(whole)
            mend.callback(whole.replace, archive)
            shutil.copy(whole, archive)
            damage(archive)
        yield


def flip_a_bit(archive: Path) -> None:
    """One bit in the middle of the file."""
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 0b100
    archive.write_bytes(content)


def cut_short(archive: Path) -> None:
    os.truncate(archive, archive.stat().st_size * 2 // 3)


def make_unreadable(archive: Path) -> None:
    """Replace the archive with a link to a file that fails with EIO when read, as a broken disk does."""
    archive.unlink()
    archive.symlink_to("/proc/self/mem")


def remove(archive: Path) -> None:
    archive.unlink()
