"""The faults: context managers that break something in the console and repair it afterwards."""

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
    """Move the folder away."""
    away = folder.with_name(f".{folder.name}-away")
    folder.rename(away)
    try:
        yield
    finally:
        if folder.exists():
            # Raises OSError if a process wrote into the folder meanwhile.
            folder.rmdir()
        away.rename(folder)


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Lock the console database exclusively, as another program could."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Suspend the process, as when a virtual machine is moved."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def another_agent(site: Site) -> Iterator[None]:
    """Run an agent of another host on the same console database; it ends jobs whose leases have expired."""
    environment = {
        **site.environment,
        "CONSOLE_HOME": str(site.home.with_name(f"{site.home.name}-other")),
        "CONSOLE_HOST": OTHER_HOST,
        "DATABASE_URL": f"sqlite:///{site.home}/console.sqlite3",
    }
    command = [sys.executable, "manage.py", "agent"]
    agent = subprocess.Popen(command, cwd=manage_py().parent, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: site.hosts.last(name=OTHER_HOST).get("seen"), because="another agent")
        yield
    finally:
        agent.terminate()
        agent.wait(20)
        # The other host is gone for good: new instances must go to this host.
        site.hosts.delete(name=OTHER_HOST)


@contextlib.contextmanager
def clock(file: Path, hours: float) -> Iterator[None]:
    """Shift the wall clock of every process of the console by that many hours."""
    _set_clock(file, hours)
    try:
        yield
    finally:
        _set_clock(file, 0)


def right_clock(file: Path) -> dict[str, str]:
    """Return the environment of a console whose clock is right until clock() changes it."""
    _set_clock(file, 0)
    return {"PYTHONPATH": str(Path(__file__).parent / "wrong_clock"), "WRONG_CLOCK": str(file)}


def _set_clock(file: Path, hours: float) -> None:
    # Replace the file atomically, because the processes read it all the time.
    fresh = file.with_suffix(".new")
    fresh.write_text(str(hours * 3600))
    fresh.replace(file)


# --- Archives -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def damaged(archives: list[Path], damage: Callable[[Path], None]) -> Iterator[None]:
    """Replace each archive with a copy that `damage` has changed."""
    with contextlib.ExitStack() as mend:
        for archive in archives:
            whole = archive.with_name(f".{archive.name}.whole")
            archive.rename(whole)
            mend.callback(whole.replace, archive)
            shutil.copy(whole, archive)
            damage(archive)
        yield


def flip_a_bit(archive: Path) -> None:
    """Flip one bit in the middle of the file."""
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
