"""Database files as the engine lays them out, and clients of its kind that write to them."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from instances.engine.snapshot import Progress


def ignore(_progress: Progress) -> None:
    """Progress that nobody looks at."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection like one of the server's."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def make_database(path: Path, documents: int = 0, collection: str = "numbers", size: int = 50) -> None:
    """A database with one collection of documents {_id: 0, 1, ...}, each of about `size` characters."""
    with contextlib.closing(connect(path)) as connection:
        connection.execute(
            f'CREATE TABLE "{collection}" (id INTEGER PRIMARY KEY AUTOINCREMENT, _id TEXT, data TEXT NOT NULL)'
        )
        connection.execute(f'CREATE UNIQUE INDEX "idx_{collection}_id" ON "{collection}" (_id)')
        connection.execute("BEGIN")
        connection.executemany(
            f'INSERT INTO "{collection}" (_id, data) VALUES (?, ?)',
            ((str(number), json.dumps({"_id": number, "text": "x" * size})) for number in range(documents)),
        )
        connection.execute("COMMIT")


def ids(path: Path, collection: str = "numbers") -> list[str]:
    """The _id of every document, in the order of their making; the file's journal, if any, is left out."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
        return [row[0] for row in connection.execute(f'SELECT _id FROM "{collection}" ORDER BY id')]


@contextlib.contextmanager
def pair_writer(data_dir: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes "<name>-<n>" for n = 0, 1, ... into `first` and then, each time, into `second`.

    So a cut of both shows the same documents in both, or one more in `first`. It has begun when this returns.
    """
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.instances.snapshot.write_pairs", str(data_dir), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdin is not None and writer.stdout is not None
    try:
        assert writer.stdout.readline() == b"writing\n"
        yield writer
        assert writer.poll() is None, "the writer has failed"
    finally:
        writer.stdin.close()
        writer.wait(20)
        writer.stdout.close()


def assert_untorn(first: Path, second: Path, writers: tuple[str, ...]) -> int:
    """Both copies show one moment of the pair writers; returns how many pairs there are."""
    in_first, in_second = ids(first), ids(second)
    for writer in writers:
        ahead = [one for one in in_first if one.startswith(f"{writer}-")]
        behind = [one for one in in_second if one.startswith(f"{writer}-")]
        assert ahead == [f"{writer}-{number}" for number in range(len(ahead))]
        assert behind in (ahead, ahead[:-1])
    return len(in_second)
