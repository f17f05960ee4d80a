"""The exchange of an instance's data directory for a restored one. After any crash, settle() leaves exactly one.

Each restoration has a tag, which is part of the names of its directories in the home. The directories show how far
the restoration got:

    data  data.restoring-<tag>                    unpacking or unpacked; the instance's files are untouched
          data.restoring-<tag>  data.before-<tag> between the two renames
    data                        data.before-<tag> exchanged; the old files are kept until the outcome is certain
    data                                          settled: `data` is complete, either the old or the restored one

settle() leads from each of these states to the last. If it is interrupted, it leaves one of these states.
"""

import os
import shutil
from pathlib import Path

from instances.engines.embedded.process import data_dir, exclusive

_RESTORING, _BEFORE = "data.restoring-", "data.before-"


def incoming(home: Path, tag: str) -> Path:
    """Return the directory to unpack into: on the same disk as the data directory, and not in use."""
    return home / f"{_RESTORING}{tag}"


def exchange(home: Path, tag: str) -> None:
    """Move the data directory aside and the incoming directory into its place.

    Stop the server first: exchange() waits until it has released its files. Raises FilesInUse or OSError. Call settle()
    whatever the outcome.
    """
    with exclusive(home):
        _rename(data_dir(home), _before(home, tag))
        _rename(incoming(home, tag), data_dir(home))


def place(home: Path, tag: str) -> None:
    """Make the incoming directory the data directory of a home that has none."""
    _rename(incoming(home, tag), data_dir(home))


def settle(home: Path, tag: str, *, restored: bool) -> None:
    """End the restoration with the restored files if `restored`, else with the previous ones.

    May be called again, even after a crash. If `restored` is False, stop the server first: settle() waits for its end.
    Raises FilesInUse or OSError.
    """
    data, new, old = data_dir(home), incoming(home, tag), _before(home, tag)
    if old.exists() and not restored:
        with exclusive(home):
            if data.exists():
                _remove(new)
                _rename(data, new)
            _rename(old, data)
    _remove(new)
    _remove(old)


def tags(home: Path) -> set[str]:
    """Return the tags of the restorations that have directories in the home."""
    return {entry.name.removeprefix(prefix) for prefix in (_RESTORING, _BEFORE) for entry in home.glob(f"{prefix}*")}


def exchanged(home: Path, tag: str) -> bool:
    """Return whether the restored files are in place but not settled, so that settle() may still remove them."""
    return _before(home, tag).exists()


def _before(home: Path, tag: str) -> Path:
    return home / f"{_BEFORE}{tag}"


def _rename(source: Path, target: Path) -> None:
    """Rename, and return only when the rename is on the disk, so that no later step survives a crash without it."""
    source.rename(target)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
