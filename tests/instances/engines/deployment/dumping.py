"""Dumps of existing deployments for tests, read by the second implementation."""

from collections.abc import Iterator
from typing import Any, cast

import bson
from bson import json_util
from bson.raw_bson import RawBSONDocument

from instances.engines import deployment as engine
from instances.engines.base import Access, Client, Contents, Cut
from instances.engines.deployment import moment, mongodump, namespaces
from instances.engines.deployment.mongodump import Namespace
from tests import independent_reader
from tests.deployments import Deployment
from tests.independent_reader import Archive, Entry

MB = 1024 * 1024


def one_moment(deployment: Deployment, **changes: Any) -> Access:
    return deployment.access(ways=(moment.TRANSACTION,), **changes)


def any_moment(deployment: Deployment, **changes: Any) -> Access:
    return deployment.access(any_moment=True, **changes)


def archive_of(cut: Cut) -> Archive:
    """Read the whole dump by the second implementation, checking the names and sizes of its members."""
    return independent_reader.read(b"".join(blocks_of(cut)))


def blocks_of(cut: Cut) -> Iterator[memoryview]:
    for number, member in enumerate(cut.members, 1):
        blocks = list(member.read())
        assert member.name == f"dump/{number:08d}"
        assert sum(map(len, blocks)) == member.size <= 4 * MB
        yield from blocks


def dumped(access: Access) -> tuple[Archive, Contents]:
    with engine().backup(access) as cut:
        return archive_of(cut), cut.contents()


def documents_in(access: Access) -> dict[str, list[bytes]]:
    """Dump, and return the documents by collection. For large dumps: the second implementation is slow."""
    documents: dict[str, list[bytes]] = {}
    with engine().backup(access) as cut:
        for part in mongodump.parse(blocks_of(cut)):
            if isinstance(part, mongodump.Documents):
                documents.setdefault(str(part.namespace), []).extend(part.each())
    return documents


def entry_of(archive: Archive, database: str, collection: str) -> Entry:
    return next(entry for entry in archive.entries if (entry.db, entry.collection) == (database, collection))


def metadata_of(archive: Archive, database: str, collection: str) -> dict[str, Any]:
    options = json_util.JSONOptions(json_mode=json_util.JSONMode.CANONICAL)
    metadata: dict[str, Any] = json_util.loads(entry_of(archive, database, collection).metadata, json_options=options)
    return metadata


def raw(client: Client, database: str, collection: str) -> list[bytes]:
    """Return the documents as the server has them."""
    cursor = namespaces.collection_of(client, Namespace(database, collection)).find_raw_batches()
    options = bson.CodecOptions(document_class=RawBSONDocument)
    return [
        bytes(document.raw) for batch in cast("Iterator[bytes]", cursor) for document in bson.decode_all(batch, options)
    ]


def filled(client: Client, *names: str, documents: int = 500, size: int = 1000) -> None:
    """Fill these collections of the database "shop" with documents of about this size in bytes."""
    for name in names:
        client.shop[name].insert_many({"_id": n, "x": "x" * size} for n in range(documents))


def insert(client: Client, database: str, collection: str, documents: list[dict[str, Any]]) -> None:
    """Insert under any name that the server accepts."""
    namespaces.database_of(client, database).command({"insert": collection, "documents": documents})
