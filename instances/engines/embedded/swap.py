"""Putting a restored data directory in the place of an instance's own, so that any crash leaves exactly one of them.

Each restoration has a tag, which its directories in the instance's home carry. What is there says how far it came:

    data  data.restoring-<tag>                    unpacked, or being so; the instance's files are untouched
          data.restoring-<tag>  data.before-<tag> between the two renames
    data                        data.before-<tag> exchanged; the old files are kept until it is certain
    data                                          over: `data` is whole, the old one or the restored one

settle() leads from each of them to the last; being interrupted itself, it leaves one of them.
"""

import os
import shutil
from pathlib import Path

from instances.engines.embedded.process import data_dir, exclusive

_RESTORING, _BEFORE = "data.restoring-", "data.before-"


def incoming(home: Path, tag: str) -> Path:
    """Where to unpack what will be exchanged with the data directory: on the same disk, and not in use."""
    return home / f"{_RESTORING}{tag}"


def exchange(home: Path, tag: str) -> None:
    """Take the data directory aside and put the incoming one, which is on the disk, in its place.

    The server must have been stopped: waits until its files are free. Raises FilesInUse or OSError; settle() tidies up
    after every outcome.
    """
    with exclusive(home):
        _rename(data_dir(home), _before(home, tag))
        _rename(incoming(home, tag), data_dir(home))


def place(home: Path, tag: str) -> None:
    """Make the incoming directory the data directory of a home that has none yet."""
    _rename(incoming(home, tag), data_dir(home))


def settle(home: Path, tag: str, *, restored: bool) -> None:
    """End the restoration: with the restored files if it was `restored`, else with those from before it.

    May be called after a crash, and again; must not be called with `restored` False while the server runs, for whose
    end it waits. Raises FilesInUse or OSError.
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
    """The restorations that have left something in the home."""
    return {entry.name.removeprefix(prefix) for prefix in (_RESTORING, _BEFORE) for entry in home.glob(f"{prefix}*")}


def exchanged(home: Path, tag: str) -> bool:
    """True if the old files are aside: no server may go on with those that are in place unless it is restored."""
    return _before(home, tag).exists()


def _before(home: Path, tag: str) -> Path:
    return home / f"{_BEFORE}{tag}"


def _rename(source: Path, target: Path) -> None:
    """Rename, on the disk when this returns: the next step must not be there without it."""
    source.rename(target)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
