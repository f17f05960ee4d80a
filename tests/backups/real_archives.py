"""Real archives of small databases, as the console and as somebody else's console would make them."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage

from backups import archive
from backups.archive import Collection, Database, Manifest, Written
from backups.models import Backup
from tests.factories import make_backup

CUT_AT = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
MANIFEST = Manifest(
    backup_id="0123456789abcdef0123456789abcdefbr02",
    backup_name="made-elsewhere",
    instance_id="fedcba9876543210fedcba9876543210in02",
    instance_name="orders-prod",
    instance_type="ReplicaSet",
    engine="nx-27017",
    engine_version="0.8.1",
    cut_at=CUT_AT,
    databases=(),
)


def make_database(directory: Path, name: str, *, megabytes: float = 0.1) -> Database:
    """A SQLite file of that size that does not compress, and what a manifest says of it."""
    rows = max(1, int(megabytes * 16))
    with closing(sqlite3.connect(directory / f"{name}.db")) as connection, connection:
        connection.execute("CREATE TABLE orders (_id INTEGER PRIMARY KEY, data BLOB)")
        connection.executemany("INSERT INTO orders (data) VALUES (randomblob(?))", [(64 * 1024,)] * rows)
        connection.execute("CREATE TABLE customers (_id INTEGER PRIMARY KEY)")
    size = (directory / f"{name}.db").stat().st_size
    return Database(name, size // 4096, 4096, size, (Collection("customers", 0), Collection("orders", rows)))


def write_archive(storage: Storage, name: str, directory: Path, *databases: str, **changes: Any) -> Written:
    """Write an archive of databases of these names into the storage; `changes` are to the manifest."""
    megabytes = changes.pop("megabytes", 0.1)
    directory.mkdir(exist_ok=True)
    made = tuple(make_database(directory, database, megabytes=megabytes) for database in databases)
    manifest = replace(MANIFEST, databases=made, **changes)
    files = {database.name: directory / f"{database.name}.db" for database in made}
    return archive.write(storage, name, manifest, files, progress=lambda read, written: None)


def foreign_archive(directory: Path, *databases: str, **changes: Any) -> Path:
    """A file that somebody brings along."""
    directory.mkdir(exist_ok=True)
    name = f"{changes.get('backup_id', MANIFEST.backup_id)}.tar.zst"
    write_archive(FileSystemStorage(directory), name, directory / "databases", *databases, **changes)
    return directory / name


def complete_backup(storage: Storage, directory: Path, **fields: Any) -> Backup:
    """A Complete backup whose archive is in the storage."""
    backup = make_backup(**fields)
    written = write_archive(storage, backup.archive_name, directory, "shop", "stock")
    Backup.objects.filter(pk=backup.pk).update(size=written.size, sha256=written.sha256)
    backup.refresh_from_db()
    return backup
