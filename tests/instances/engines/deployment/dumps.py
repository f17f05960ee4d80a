"""Dumps made by hand: what a test wants a server to load."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import bson

from instances.engines.deployment.mongodump import COLLECTION, Body, Definition, Entry, Header, Namespace, prelude

ID = {"v": 2, "key": {"_id": 1}, "name": "_id_"}


@dataclass
class Dumped:
    """A collection of a dump: its documents, decoded or raw, its options and its indexes besides that of _id."""

    name: str
    documents: Iterable[Any] = ()
    options: dict[str, Any] = field(default_factory=dict)
    indexes: list[dict[str, Any]] = field(default_factory=list)
    type: str = COLLECTION
    database: str = "shop"

    @property
    def entry(self) -> Entry:
        indexes = [] if "viewOn" in self.options else [ID, *({"v": 2} | index for index in self.indexes)]
        return Entry.defined(Namespace(self.database, self.name), Definition(self.options, indexes), self.type)

    @property
    def raw(self) -> list[bytes]:
        return [each if isinstance(each, bytes) else bson.encode(each) for each in self.documents]


def dump_of(*collections: Dumped, version: str = "8.0.4", block: int = 1000) -> Iterator[memoryview]:
    """Yield the blocks of a dump of these collections, whose documents come in two segments.

    Blocks of the usual size end within documents, as those of an archive do.
    """
    data = b"".join(prelude(Header(4, version, "test"), [each.entry for each in collections]))
    for each in collections:
        body, half = Body(each.entry.body), (len(each.raw) + 1) // 2
        for documents in (each.raw[:half], each.raw[half:]):
            if documents:
                data += b"".join(body.segment(b"".join(documents)))
        data += body.end()
    for start in range(0, len(data), block):
        yield memoryview(data)[start : start + block]
