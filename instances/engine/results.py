"""Results that clients fetch in batches.

nx-27017 keeps them as Python objects, some times the size of the data, until they are fetched: one query for all
of a large collection takes more memory than there is. Here they wait as BSON, the larger ones in a file.
"""

import itertools
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import bson
from bson.raw_bson import RawBSONDocument

from instances.engine.documents import to_client
from instances.engine.guards import CommandError
from instances.engine.wire import MAX_DOCUMENT_BYTES, Document

# Of one result in memory, and of all results together.
MEMORY_BYTES = 4 * 1024 * 1024
ALL_BYTES = 8 * 1024**3


class _Result:
    """The rest of one result, behind the batches already fetched."""

    def __init__(self, directory: Path, namespace: str, owner: object) -> None:
        # The file has no name, so it is gone with the process.
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY_BYTES, dir=str(directory))  # noqa: SIM115
        self._left = 0
        self.namespace, self.owner, self.size = namespace, owner, 0

    def add(self, document: bytes) -> None:
        self._file.write(document)
        self.size += len(document)
        self._left += len(document)

    def rewind(self) -> None:
        self._file.seek(0)

    def take(self, count: int) -> list[RawBSONDocument]:
        """The next documents: up to `count`, and at least one if there is one, within the size of a reply."""
        batch: list[RawBSONDocument] = []
        room = MAX_DOCUMENT_BYTES
        while self._left and len(batch) < count:
            prefix = self._file.read(4)
            length = int.from_bytes(prefix, "little")
            if batch and length > room:
                self._file.seek(-4, 1)
                break
            batch.append(RawBSONDocument(prefix + self._file.read(length - 4)))
            room -= length
            self._left -= length
        return batch

    @property
    def exhausted(self) -> bool:
        return self._left == 0

    def close(self) -> None:
        self._file.close()


class Results:
    """The results that wait for getMore, by cursor id. May be used from several threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._waiting: dict[int, _Result] = {}
        self._lock = threading.Lock()
        self._ids = itertools.count(1)

    def first(self, found: Iterable[Document], *, size: int, namespace: str, owner: object) -> Document:
        """The `cursor` of a reply: up to `size` documents of the result; the rest waits for next().

        Raises CommandError if it does not fit into ALL_BYTES together with the others.
        """
        with self._lock:
            room = ALL_BYTES - sum(result.size for result in self._waiting.values())
        result = _Result(self._directory, namespace, owner)
        try:
            for document in found:
                result.add(bson.encode(to_client(document)))
                if result.size > room:
                    raise CommandError(146, "ExceededMemoryLimit", "The result is too large; ask for less of it")
            result.rewind()
            batch = result.take(size)
        except BaseException:
            result.close()
            raise
        cursor_id = 0
        if result.exhausted:
            result.close()
        else:
            with self._lock:
                cursor_id = next(self._ids)
                self._waiting[cursor_id] = result
        return {"id": bson.Int64(cursor_id), "ns": namespace, "firstBatch": batch}

    def next(self, cursor_id: int, *, size: int) -> Document:
        """The `cursor` of a getMore's reply.

        Raises CommandError if there is none of this id: an empty last batch would tell a reader that it has
        seen everything.
        """
        with self._lock:
            result = self._waiting.get(cursor_id)
            if result is None:
                raise CommandError(43, "CursorNotFound", f"cursor id {cursor_id} not found")
            batch = result.take(size)
            if result.exhausted:
                self._waiting.pop(cursor_id).close()
                cursor_id = 0
        return {"id": bson.Int64(cursor_id), "ns": result.namespace, "nextBatch": batch}

    def forget(self, cursor_ids: Iterable[int]) -> list[int]:
        """Drop these; the ids of those there were."""
        with self._lock:
            known = [cursor_id for cursor_id in cursor_ids if cursor_id in self._waiting]
            for cursor_id in known:
                self._waiting.pop(cursor_id).close()
        return known

    def forget_those_of(self, owner: object) -> None:
        """Drop the results of a client that left."""
        self.forget([cursor_id for cursor_id, result in list(self._waiting.items()) if result.owner == owner])
