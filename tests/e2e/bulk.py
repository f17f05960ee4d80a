"""Megabytes of documents for an instance."""

import random

from tests.e2e.console import connect

WORDS = [f"{chr(97 + n % 26)}{n:x}word" for n in range(4000)]


def fill(port: int, *, megabytes: int) -> None:
    """Insert about that many megabytes of documents, which do not compress to almost nothing, into bulk.texts."""
    words = random.Random(megabytes)
    with connect(port) as client:
        for _ in range(megabytes):
            client["bulk"]["texts"].insert_many([{"text": " ".join(words.choices(WORDS, k=120))} for _ in range(1000)])
