"""Instances to back up: databases as the engine lays them out, full of documents of mixed text.

Each document has ids and numbers, which hardly compress, and words of a made-up language in the frequencies of a
real one, in an order that does not come again within the reach of the compressor.
"""

import contextlib
import json
import random
import sqlite3
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from neosqlite import Connection  # type: ignore[import-untyped]

from instances.engine import process

# The parts of the instance's size that its databases have.
SEVERAL = {"shop": 0.6, "events": 0.3, "users": 0.1}
ONE = {"shop": 1.0}

_TEXT_LENGTH = 48_000_000
_BATCH = 2000


def make_instance(home: Path, megabytes: float, databases: dict[str, float]) -> Path:
    """Make an instance's home with so many megabytes of databases; returns the data directory."""
    process.prepare(home)
    data_dir = process.data_dir(home)
    source = random.Random(20)
    text = _text(source)
    for name, part in databases.items():
        _fill(data_dir / f"{name}.db", megabytes * part * 1e6, source, text)
    return data_dir


def _fill(path: Path, size: float, source: random.Random, text: str) -> None:
    Connection(str(path)).create_collection("documents").database.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("BEGIN")
        documents = _documents(source, text)
        while database.execute("PRAGMA page_count").fetchone()[0] * 4096 < size:
            rows = [next(documents) for _ in range(_BATCH)]
            database.executemany("INSERT INTO documents (_id, data) VALUES (?, ?)", rows)
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _documents(source: random.Random, text: str) -> Iterator[tuple[str, str]]:
    """Rows of a collection's table, endlessly."""
    number = 0
    while True:
        number += 1
        identifier = f"{0x65000000 + number // 40:08x}{source.getrandbits(40):010x}{number % 0x1000000:06x}"
        start = source.randrange(len(text) - 1500)
        document = {
            "number": number,
            "token": f"{source.getrandbits(192):048x}",
            "price": source.randrange(1_000_000) / 100,
            "at": 1_700_000_000_000 + number * 137 + source.randrange(1000),
            "position": [source.uniform(-180, 180), source.uniform(-90, 90)],
            "title": text[start : start + source.randrange(20, 80)],
            "text": text[start + 100 : start + source.randrange(150, 1400)],
            "_id": {"__neosqlite_objectid__": True, "id": identifier},
        }
        yield identifier, json.dumps(document)


def _text(source: random.Random) -> str:
    syllables = [a + b for a in "bcdfghjklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "er", "is", "ol", "um")]
    words = ["".join(source.choices(syllables, k=source.randint(1, 4))) for _ in range(30_000)]
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(words))))
    pieces: list[str] = []
    length = 0
    while length < _TEXT_LENGTH:
        piece = " ".join(source.choices(words, cum_weights=weights, k=200_000))
        pieces.append(piece)
        length += len(piece)
    return " ".join(pieces)
