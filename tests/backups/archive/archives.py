"""Archives for tests: genuine ones, and forged ones that only tests would write."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import zstandard
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage

from backups.archive import Entry, Manifest
from instances.engines.base import Collection, Contents, Database, Member, TakeContents
from instances.engines.embedded.copy_under_cursor import blocks

NAME = "0123456789abcdef0123456789abcdefbr02.tar.zst"
MANIFEST = Manifest(
    backup_id="0123456789abcdef0123456789abcdefbr02",
    backup_name="backup-7f3a",
    instance_id="fedcba9876543210fedcba9876543210in02",
    instance_name="orders-prod",
    instance_type="ReplicaSet",
    engine="SecantusDB",
    engine_version="0.7.0b3",
    compatible_version="8.2",
    storage_engine="WiredTiger",
    method="Physical",
    cut_at=datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC),
    members=(),
)
CONTENTS = Contents((Database("shop", (Collection("numbers", 20_010, ("_id_", "by_number")),)),))
Made = tuple[Manifest, list[Member], TakeContents]


def ignore(_done: int, _total: int) -> None:
    """Discard the progress."""


def no_contents(waiting: Callable[[], None] = lambda: None) -> Contents:
    return Contents(())


def the_contents(waiting: Callable[[], None] = lambda: None) -> Contents:
    return CONTENTS


def path_of(member: str) -> str:
    return member.rpartition("/")[2]


def make_files(directory: Path, **lines: int) -> Made:
    """Make files with that many lines, named as by a database server; return the arguments of archive.write()."""
    directory.mkdir(exist_ok=True)
    members = []
    for name, count in lines.items():
        file = directory / f"secantus_{name}.wt"
        file.write_text("".join(f"{hashlib.sha256(b'%d' % number).hexdigest()}\n" * 3 for number in range(count)))
        size = file.stat().st_size
        members.append(Member(f"data/{file.name}", size, partial(blocks, file, size)))
    entries = tuple(Entry(member.name, member.size) for member in members)
    return replace(MANIFEST, members=entries), members, the_contents


def member(name: str, content: bytes = b"", type: bytes = tarfile.REGTYPE, **fields: object) -> bytes:
    """Return one member of a tar file as a forger makes it: header, content, padding."""
    info = tarfile.TarInfo(name)
    info.size, info.type = len(content), type
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def sums(**members: bytes) -> bytes:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in members.items()).encode()


def forged(members: Iterable[bytes], end: bytes = bytes(1024)) -> InMemoryStorage:
    """Return a storage that contains an archive of these members."""
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
