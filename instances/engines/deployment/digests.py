"""Digests of collections, which are equal if the collections have the same documents in whatever order."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from bson import json_util

from instances.engines.base import Client
from instances.engines.deployment import namespaces
from instances.engines.deployment.compare import is_loaded
from instances.engines.deployment.mongodump import TIME_SERIES, Documents, Namespace, Prelude, documents_in, parse
from instances.engines.deployment.namespaces import Found

_MODULUS = 2**256


@dataclass(frozen=True)
class Digest:
    """The number of documents of a collection, the sum of their SHA-256 digests, and its indexes in words."""

    documents: int
    sum: int
    indexes: tuple[str, ...] = ()


def digests(client: Client, waiting: Callable[[], None]) -> dict[Namespace, Digest]:
    """Read all collections that a restore brings back. Calls `waiting` now and then. May raise the driver's errors."""
    found = namespaces.found(client, with_users=False, waiting=waiting)
    return {
        each.entry.namespace: _digest(client, each, waiting)
        for each in found
        if is_loaded(each.entry.namespace) and not each.is_view
    }


def digests_in(blocks: Iterator[memoryview]) -> dict[Namespace, Digest | None]:
    """Read a dump. A time series has no digest, because the dump may have its buckets. Raises DumpDamaged."""
    read: dict[Namespace, Digest | None] = {}
    for part in parse(blocks):
        if isinstance(part, Prelude):
            entries = [each for each in part.entries if is_loaded(each.namespace)]
            read = {each.body: None if each.type == TIME_SERIES else Digest(0, 0) for each in entries}
            names = {each.body: each.namespace for each in entries}
        elif isinstance(part, Documents) and (before := read.get(part.namespace)):
            read[part.namespace] = Digest(before.documents + part.count, _sum(part.each(), before.sum))
    return {names[body]: digest for body, digest in read.items()}


def _digest(client: Client, found: Found, waiting: Callable[[], None]) -> Digest:
    documents = total = 0
    # What clients see of a time series are its measurements, not its buckets.
    collection = namespaces.collection_of(client, found.entry.namespace)
    for batch in cast("Iterator[bytes]", collection.find_raw_batches()):
        count = documents_in(batch)
        documents += count
        total = _sum(Documents(found.entry.namespace, batch, count).each(), total)
        waiting()
    indexes = (f"{index['name']}: {json_util.dumps(index['key'])}" for index in found.entry.definition().indexes)
    return Digest(documents, total, tuple(sorted(indexes)))


def _sum(documents: Iterable[bytes | memoryview], start: int) -> int:
    digests = (int.from_bytes(hashlib.sha256(document).digest()) for document in documents)
    return (start + sum(digests)) % _MODULUS
