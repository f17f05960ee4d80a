"""Open an archive without the console: with tar, zstd, and a database server or the second reader of dumps."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import bson
import zstandard

from tests import independent_reader
from tests.instances.engines.servers import Server


def unpack(archive: Path, destination: Path) -> dict[str, Any]:
    """Unpack the archive, check its SHA256SUMS, and return its manifest, with its contents.json as `databases`."""
    with archive.open("rb") as file:
        data = zstandard.ZstdDecompressor().stream_reader(file).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar.getmembers()}
    for line in members["SHA256SUMS"].decode().splitlines():
        digest, name = line.split("  ", 1)
        assert hashlib.sha256(members[name]).hexdigest() == digest, name
    for name, content in members.items():
        path = destination / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {**json.loads(members["manifest.json"]), "databases": json.loads(members["contents.json"])}


def ids(unpacked: Path, *collections: str) -> list[set[Any]]:
    """Return the set of document `_id`s of each collection, named database.collection, in an unpacked archive."""
    with Server(unpacked) as server, server.client() as client:
        found = (client[database][name] for database, _, name in (each.partition(".") for each in collections))
        return [{document["_id"] for document in collection.find({}, {"_id": 1})} for collection in found]


def dumped_ids(unpacked: Path, *collections: str) -> list[set[Any]]:
    """Return the same of an unpacked archive with a dump."""
    dump = independent_reader.read(b"".join(path.read_bytes() for path in sorted((unpacked / "dump").iterdir())))
    documents = (
        dump.documents.get((database, name), []) for database, _, name in (each.partition(".") for each in collections)
    )
    return [{bson.decode(document)["_id"] for document in each} for each in documents]
