"""Opens an archive as somebody without the console would: with tar, zstd and sqlite3 alone."""

import hashlib
import io
import json
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import zstandard


def unpack(archive: Path, destination: Path) -> dict[str, Any]:
    """Unpack the archive, check its SHA256SUMS, and return its manifest."""
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
    manifest: dict[str, Any] = json.loads(members["manifest.json"])
    return manifest


def ids(database: Path, collection: str) -> set[Any]:
    """The _id of every document of the collection in an unpacked database file."""
    connection = sqlite3.connect(database)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {row[0] for row in connection.execute(f'SELECT _id FROM "{collection}"')}
    finally:
        connection.close()
