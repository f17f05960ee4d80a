"""Real archives of a real server, as made by this console or by another one."""

import atexit
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial, reduce
from operator import getitem
from pathlib import Path
from typing import Any

import zstandard
from django.core.files.storage import FileSystemStorage, Storage

from backups import archive
from backups.archive import Entry, Written
from backups.models import Backup
from instances.engines import embedded
from instances.engines.base import Contents, Cut
from instances.engines.embedded.copy_under_cursor import blocks
from tests.backups.archive import archives
from tests.factories import make_backup
from tests.instances.engines.servers import Server

CUT_AT = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
MANIFEST = replace(archives.MANIFEST, backup_name="made-elsewhere", cut_at=CUT_AT)


@cache
def cut_of(*databases: str, megabytes: float = 0.1) -> Cut:
    """Cut a server that has databases of these names, each of about that size and incompressible.

    Each has the empty collection customers, and orders. The files are kept until the test run ends.
    """
    room = Path(tempfile.mkdtemp(prefix="cut-"))
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    with Server(room / "server") as server:
        client = server.client()
        for name in databases:
            client[name].create_collection("customers")
            left = max(1, int(megabytes * 16))
            while left:
                documents = [{"data": os.urandom(64 * 1024)} for _ in range(min(left, 100))]
                client[name].orders.insert_many(documents)
                left -= len(documents)
        with embedded().backup(server.address) as cut:
            (room / "data").mkdir()
            for member in cut.members:
                with (room / member.name).open("wb") as file:
                    for block in member.read():
                        file.write(block)
            contents = cut.contents()
    members = [replace(member, read=partial(blocks, room / member.name, member.size)) for member in cut.members]
    return replace(cut, members=members, contents=kept(contents))


def kept(contents: Contents) -> Callable[..., Contents]:
    def take(waiting: Callable[[], None] = lambda: None) -> Contents:
        return contents

    return take


def write_archive(storage: Storage, name: str, cut: Cut, **changes: Any) -> Written:
    """Write an archive of the cut into the storage; `changes` apply to the manifest."""
    members = tuple(Entry(member.name, member.size) for member in cut.members)
    manifest = replace(MANIFEST, members=members, **changes)
    return archive.write(storage, name, manifest, cut.members, cut.contents, progress=lambda read, written: None)


def foreign_archive(directory: Path, *databases: str, megabytes: float = 0.1, **changes: Any) -> Path:
    """Return an archive file from another console."""
    return foreign_archive_of(directory, cut_of(*databases, megabytes=megabytes), **changes)


def foreign_archive_of(directory: Path, cut: Cut, **changes: Any) -> Path:
    directory.mkdir(exist_ok=True)
    name = f"{changes.get('backup_id', MANIFEST.backup_id)}.tar.zst"
    write_archive(FileSystemStorage(directory), name, cut, **changes)
    return directory / name


def forge(path: Path, **changes: Any) -> None:
    """Change the archive's manifest, as no console writes it. Keys are paths in the JSON, such as instance__name."""
    tar = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    info = tarfile.TarInfo.frombuf(tar[: tarfile.BLOCKSIZE], "utf-8", "strict")
    document = json.loads(tar[tarfile.BLOCKSIZE :][: info.size])
    for key, value in changes.items():
        *parents, name = key.split("__")
        reduce(getitem, parents, document)[name] = value
    rest = tar[tarfile.BLOCKSIZE + info.size + -info.size % tarfile.BLOCKSIZE :]
    forged = archives.member("manifest.json", json.dumps(document).encode()) + rest
    path.write_bytes(zstandard.ZstdCompressor().compress(forged))


def complete_backup(storage: Storage, **fields: Any) -> Backup:
    """Return a Complete backup whose archive is in the storage."""
    backup = make_backup(**fields)
    written = write_archive(storage, backup.archive_name, cut_of("shop", "stock"))
    Backup.objects.filter(pk=backup.pk).update(size=written.size, sha256=written.sha256)
    backup.refresh_from_db()
    return backup
