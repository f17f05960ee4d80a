"""Archives for tests: honest ones, and forged ones that only tests would write."""

import hashlib
import io
import sqlite3
import tarfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import zstandard
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage

from backups.archive import Collection, Database, Manifest

NAME = "0123456789abcdef0123456789abcdefbr02.tar.zst"
MANIFEST = Manifest(
    backup_id="0123456789abcdef0123456789abcdefbr02",
    backup_name="backup-7f3a",
    instance_id="fedcba9876543210fedcba9876543210in02",
    instance_name="orders-prod",
    instance_type="ReplicaSet",
    engine="nx-27017",
    engine_version="0.8.1",
    cut_at=datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC),
    databases=(),
)


def ignore(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def make_databases(directory: Path, **documents: int) -> tuple[Manifest, dict[str, Path]]:
    """SQLite files of these names with so many documents each, and the manifest that describes them."""
    directory.mkdir(exist_ok=True)
    files = {}
    entries = []
    for name, count in documents.items():
        files[name] = directory / f"{name}.db"
        with closing(sqlite3.connect(files[name])) as connection:
            connection.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, data TEXT)")
            connection.executemany(
                "INSERT INTO numbers (data) VALUES (?)",
                ((hashlib.sha256(b"%d" % number).hexdigest() * 3,) for number in range(count)),
            )
            connection.commit()
        size = files[name].stat().st_size
        entries.append(Database(name, size // 4096, 4096, size, (Collection("numbers", count),)))
    return replace(MANIFEST, databases=tuple(entries)), files


def member(name: str, content: bytes = b"", type: bytes = tarfile.REGTYPE, **fields: object) -> bytes:
    """One member of a tar file, as a forger makes it: header, content, padding."""
    info = tarfile.TarInfo(name)
    info.size, info.type = len(content), type
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def sums(**members: bytes) -> bytes:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in members.items()).encode()


def forged(members: Iterable[bytes], end: bytes = bytes(1024)) -> InMemoryStorage:
    """A storage that holds an archive of these members."""
    return holding(zstandard.ZstdCompressor().compress(b"".join(members) + end))


def holding(archive: bytes) -> InMemoryStorage:
    storage = InMemoryStorage()
    storage.save(NAME, ContentFile(archive))
    return storage


def content(storage: InMemoryStorage) -> bytes:
    with storage.open(NAME) as file:
        data: bytes = file.read()
    return data


def tar_of(archive: bytes) -> tarfile.TarFile:
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(archive)) as reader:
        return tarfile.open(fileobj=io.BytesIO(reader.read()))
