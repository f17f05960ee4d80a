"""Documents to back up: three databases of mixed text, inserted through a driver.

Each document has ids and numbers, which hardly compress, and words of an invented language with the frequencies of a
real one, in an order that does not repeat within the compressor's window.
"""

import functools
import random
from collections.abc import Iterator
from itertools import accumulate, islice
from typing import Any

import bson
import pymongo
from bson.raw_bson import RawBSONDocument

# Each database's share of the megabytes.
DATABASES = {"shop": 0.6, "events": 0.3, "users": 0.1}

_TEXT_LENGTH = 48_000_000
_BATCH = 1000


def fill(client: pymongo.MongoClient[dict[str, Any]], megabytes: float, seed: int = 20) -> None:
    """Insert that many megabytes of documents."""
    documents = _documents(random.Random(seed))
    for name, part in DATABASES.items():
        left = megabytes * part * 1e6
        while left > 0:
            batch = list(islice(documents, _BATCH))
            left -= sum(len(document.raw) for document in batch)
            client[name]["documents"].insert_many(batch)


def _documents(source: random.Random) -> Iterator[RawBSONDocument]:
    """Yield documents in wire format, endlessly."""
    text, number = _text(), 0
    while True:
        number += 1
        start = source.randrange(len(text) - 1500)
        document = bson.encode(
            {
                "_id": bson.ObjectId(),
                "number": number,
                "token": f"{source.getrandbits(192):048x}",
                "price": source.randrange(1_000_000) / 100,
                "at": 1_700_000_000_000 + number * 137 + source.randrange(1000),
                "position": [source.uniform(-180, 180), source.uniform(-90, 90)],
                "title": text[start : start + source.randrange(20, 80)],
                "text": text[start + 100 : start + source.randrange(150, 1400)],
            }
        )
        yield RawBSONDocument(document)


@functools.cache
def _text() -> str:
    source = random.Random(20)
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
