"""Small disks for this run, mounted in a private namespace that ends with the process."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.faults.findings import Kind, require

_PRIVATE = "FAULTS_PRIVATE_MOUNTS"
_BLOCK = 64 * 1024


def make_private() -> None:
    """Restart the program with private mounts, if Linux allows it; without root, this needs a user namespace."""
    if _PRIVATE in os.environ:
        return
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0:
        os.environ[_PRIVATE] = "1"
        os.execvp("unshare", [*command, sys.executable, "-m", "tests.faults", *sys.argv[1:]])  # noqa: S606  # a list


def refusal() -> str:
    """Return why nothing can be mounted, or an empty string if mounting works."""
    return "" if _PRIVATE in os.environ else "mounting needs root or user namespaces"


@contextlib.contextmanager
def disk(folder: Path, megabytes: int) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(folder))


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """Fill the folder's disk to the last byte."""
    ballast = folder / ".ballast"
    size = _BLOCK
    try:
        with ballast.open("wb", buffering=0) as file:
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    _run("mount", "-o", "remount,ro", str(folder))
    try:
        yield
    finally:
        _run("mount", "-o", "remount,rw", str(folder))


@contextlib.contextmanager
def unmounted(folder: Path) -> Iterator[None]:
    """Unmount the folder's disk: the folder is there, but empty."""
    empty = folder.with_name(f"{folder.name}-mount-point")
    empty.mkdir()
    _run("mount", "--bind", str(empty), str(folder))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(folder))
        left = [path.name for path in empty.iterdir()]
        shutil.rmtree(empty)
        require(not left, Kind.ORPHAN, f"files where the disk was not mounted: {left}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
