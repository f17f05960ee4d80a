"""The archive of a backup: the one place that knows its format.

`<backup id>.tar.zst` is a tar file compressed with zstd, so `tar --zstd -xf` and `sha256sum -c SHA256SUMS` open it:

    manifest.json             what the archive holds: Manifest, as JSON
    databases/<name>.db       the databases' files, SQLite, as many as the manifest names
    SHA256SUMS                the digests of all members before it

It is written in one pass, with constant memory, into any Django storage. It is read as something that a stranger may
have made: nothing but the members that the manifest names is accepted, and nothing is written outside the
destination.
"""

import errno
import hashlib
import io
import os
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import zstandard
from django.core.files import File
from django.core.files.storage import Storage

from backups.manifest import SIZE_LIMIT, ArchiveError, Collection, Database, Manifest
from backups.storage import Streamed, sync_directory
from console.disk import explain
from console.sentences import Size
from console.sentences import sentence as _
from instances.engine.checks import Checks

__all__ = ["ArchiveError", "Collection", "Database", "Manifest", "Written", "read_manifest", "unpack", "write"]

_MANIFEST, _SUMS = "manifest.json", "SHA256SUMS"
_CHUNK = 1024 * 1024
_BLOCK = tarfile.BLOCKSIZE
_END_OF_TAR = bytes(2 * _BLOCK)

_LEVEL = 3
# Each worker holds about 16 MB. Hosts also run database servers, so a backup does not take every core of a large one.
_WORKERS = min(os.cpu_count() or 1, 4)
_JOB_SIZE = 4 * 1024 * 1024

# What an archive that somebody else made can make the reader hold in memory.
_MANIFEST_LIMIT = 16 * 1024 * 1024
_WINDOW_LIMIT = 32 * 1024 * 1024

Report = Callable[[int, int], None]


# --- Writing ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """The finished archive: bytes, and the hexadecimal SHA-256 of all of them."""

    size: int
    sha256: str


def write(storage: Storage, name: str, manifest: Manifest, files: Mapping[str, Path], *, progress: Report) -> Written:
    """Write the archive into the storage under exactly this name.

    `files` has the path of each of the manifest's databases by the database's name. SQLite checks them at the same
    time; the archive gets its name only if all are sound. `progress` gets the bytes of databases read and the bytes of
    archive written so far, about once a megabyte and at the end, and may raise to give up. Raises ArchiveError,
    SnapshotError for a damaged database, what `progress` raised, or the storage's own errors; nothing is left in the
    storage then.
    """
    with _unwritable_explained():
        if storage.exists(name):
            raise ArchiveError(_("The storage has an archive %s already.") % name)
    for database in manifest.databases:
        if files[database.name].stat().st_size != database.bytes:
            raise _changed(database)
    sources = [files[database.name] for database in manifest.databases]
    with _writers.one_more() as workers, Checks(sources) as checks:
        stream = _Stream(manifest, files, checks, progress, workers)
        try:
            file = io.BufferedReader(stream, _CHUNK)
            saved = storage.save(name, Streamed(file, name, at_most=stream.at_most, pulse=stream.pulse))
        except BaseException as error:
            _forget(storage, name, error)
            if stream.failure is None and isinstance(error, OSError):
                raise _unwritable(error) from error
            if stream.failure is None or stream.failure is error:
                raise
            raise stream.failure from error
    try:
        with _unwritable_explained():
            _require_saved(storage, saved, name, stream)
    except BaseException as error:
        _forget(storage, saved, error)
        raise
    return Written(stream.size, stream.sha256.hexdigest())


@contextmanager
def _unwritable_explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> ArchiveError:
    return ArchiveError(_("The archive could not be written: %s.") % explain(error))


def _require_saved(storage: Storage, saved: str, name: str, stream: "_Stream") -> None:
    if stream.failure is not None:
        raise stream.failure
    if not stream.finished:
        raise ArchiveError(_("The storage did not take the whole archive."))
    if saved != name:
        raise ArchiveError(
            _("The storage saved the archive as %(saved)s, not as %(name)s.") % {"saved": saved, "name": name}
        )
    held = storage.size(name)
    if held != stream.size:
        raise ArchiveError(
            _("The storage holds %(held)d bytes of the archive instead of %(size)d.")
            % {"held": held, "size": stream.size}
        )


def _forget(storage: Storage, name: str, error: BaseException) -> None:
    """Storages differ in what they leave of a file whose saving failed; this name was not theirs before."""
    try:
        storage.delete(name)
    except Exception as second:
        error.add_note(f"What was written of {name} could not be deleted: {second}")


class _Stream(io.RawIOBase):
    """The bytes of the archive, made while they are read. What fails once fails again: no reader sees an end."""

    def __init__(
        self, manifest: Manifest, files: Mapping[str, Path], checks: Checks, progress: Report, workers: int
    ) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.finished = False
        self.failure: BaseException | None = None
        self._progress = progress
        self._read, self._total = 0, sum(database.bytes for database in manifest.databases)
        self._chunks = _compressed(_tar(manifest, files, checks, self._note), workers)
        self._rest = memoryview(b"")

    @property
    def at_most(self) -> int:
        """What the archive can grow to, in bytes, if nothing in it can be compressed."""
        return self._total + self._total // 100 + _MANIFEST_LIMIT

    def pulse(self) -> None:
        """Report while nothing is read, so that giving up need not wait for the storage."""
        with self._failing_for_good():
            self._note(self._read)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._failing_for_good():
            while not self._rest and not self.finished:
                self._advance()
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    @contextmanager
    def _failing_for_good(self) -> Iterator[None]:
        if self.failure is not None:
            raise self.failure
        try:
            yield
        except BaseException as error:
            self.failure = error
            raise

    def _note(self, read: int) -> None:
        self._read = read
        self._progress(read, self.size)

    def _advance(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            self._note(self._total)
            self.finished = True
            return
        self.size += len(chunk)
        self.sha256.update(chunk)
        self._rest = memoryview(chunk)


class _Writers:
    """How many archives this process writes now, and so on how many cores the next is compressed.

    Alone it has workers of its own. Of several each keeps to the thread it is read in: together they have the cores
    busy anyhow, and workers would only hold memory and wait for each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writing = 0

    @contextmanager
    def one_more(self) -> Iterator[int]:
        """Yields the workers it may have besides its own thread."""
        with self._lock:
            self._writing += 1
            workers = _WORKERS if self._writing == 1 else 0
        try:
            yield workers
        finally:
            with self._lock:
                self._writing -= 1


_writers = _Writers()


def _compressed(blocks: Iterator[bytes | memoryview], workers: int) -> Iterator[bytes]:
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _LEVEL, threads=workers, job_size=_JOB_SIZE if workers else 0, write_checksum=True
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    for block in blocks:
        yield compressor.compress(block)
    yield compressor.flush()


def _tar(
    manifest: Manifest, files: Mapping[str, Path], checks: Checks, read: Callable[[int], None]
) -> Iterator[bytes | memoryview]:
    """The tar file in blocks, each valid until the next is asked for."""
    sums = {}
    content = manifest.to_json()
    sums[_MANIFEST] = hashlib.sha256(content).hexdigest()
    yield from _small_member(_MANIFEST, content, manifest.cut_at)
    done = 0
    for database in manifest.databases:
        yield _header(database.file, database.bytes, manifest.cut_at)
        digest = hashlib.sha256()
        for block in _blocks(files[database.name], database):
            checks.raise_if_failed()
            digest.update(block)
            yield block
            done += len(block)
            read(done)
        yield bytes(-database.bytes % _BLOCK)
        sums[database.file] = digest.hexdigest()
    # Without the last member no reader takes the archive for whole.
    checks.wait()
    listing = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    yield from _small_member(_SUMS, listing.encode(), manifest.cut_at)
    yield _END_OF_TAR


def _small_member(name: str, content: bytes, modified: datetime) -> Iterator[bytes]:
    yield _header(name, len(content), modified)
    yield content
    yield bytes(-len(content) % _BLOCK)


def _header(name: str, size: int, modified: datetime) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(modified.timestamp())
    return info.tobuf(tarfile.GNU_FORMAT)


def _blocks(path: Path, database: Database) -> Iterator[memoryview]:
    """The file's content, which has to have the size that the manifest says."""
    buffer = memoryview(bytearray(_CHUNK))
    left = database.bytes
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            left -= count
            yield buffer[:count]
    if left:
        raise _changed(database)


def _changed(database: Database) -> ArchiveError:
    return ArchiveError(_("The copy of database %s changed before it was archived.") % database.name)


# --- Reading ---------------------------------------------------------------------------------------------------


def read_manifest(storage: Storage, name: str) -> Manifest:
    """The manifest, without reading the rest of the archive. Raises ArchiveError."""
    with _opened(storage, name, lambda done: None) as archive:
        return archive.manifest()


def unpack(
    storage: Storage,
    name: str,
    destination: Path,
    *,
    sha256: str | None = None,
    progress: Report,
    unpacked: Callable[[Path], None] = lambda path: None,
) -> Manifest:
    """Unpack the databases as `<name>.db` into the new directory `destination`, all of them synced to the disk.

    With `sha256`, nothing stays unpacked unless the whole archive has it. The content of the databases is exactly what
    was archived; whether SQLite accepts them is for the caller to check, who gets the path of each in `unpacked` while
    it is being synced. `progress` gets the bytes of archive read and to read, and may raise to give up. Raises
    ArchiveError or what `progress` or `unpacked` raised; then `destination` does not exist.
    """
    with _unreadable_explained(name):
        size = storage.size(name)
    try:
        with _opened(storage, name, lambda done: progress(done, size), hashed=bool(sha256)) as archive:
            manifest = archive.manifest()
            try:
                destination.mkdir(mode=0o700)
            except OSError as error:
                raise ArchiveError(
                    _("The directory for the databases could not be made: %s.") % explain(error)
                ) from error
            try:
                archive.unpack(manifest, destination, unpacked)
                if sha256 and archive.sha256() != sha256:
                    raise _another(name)
            except BaseException:
                shutil.rmtree(destination, ignore_errors=True)
                raise
    except ArchiveError as error:
        # Nothing is said against the archive by a disk or a storage that fails.
        if sha256 and not isinstance(error.__cause__, OSError):
            _explain_by_digest(storage, name, sha256, error)
        raise
    return manifest


def _explain_by_digest(storage: Storage, name: str, expected: str, error: ArchiveError) -> None:
    """That an archive is not the one that was written is a better reason than what came of it."""
    digest = hashlib.sha256()
    with _unreadable_explained(name), storage.open(name) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != expected:
        raise _another(name) from error


def _another(name: str) -> ArchiveError:
    return ArchiveError(_("The archive %s is not the one that was written: its SHA-256 differs.") % name)


@contextmanager
def _unreadable_explained(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ArchiveError(_("The archive %s is missing.") % name) from error
    except OSError as error:
        raise ArchiveError(_("The archive could not be read: %s.") % explain(error)) from error


@contextmanager
def _opened(
    storage: Storage, name: str, progress: Callable[[int], None], *, hashed: bool = False
) -> Iterator["_Archive"]:
    with _unreadable_explained(name):
        opened = storage.open(name)
    with opened as file, _Source(file, name, hashed=hashed) as source:
        try:
            yield _Archive(source, lambda: progress(source.done))
        except zstandard.ZstdError as error:
            raise ArchiveError(_("The archive %(name)s is damaged: %(why)s.") % {"name": name, "why": error}) from error


class _Source(io.RawIOBase):
    """A file of a storage that knows how much of it has been read, and hashes that in another thread if wanted."""

    def __init__(self, file: "File[bytes]", name: str, *, hashed: bool) -> None:
        self._file, self._name, self.hashed, self.done = file, name, hashed, 0
        self._digest = hashlib.sha256()
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="digest") if hashed else None
        self._hashing: Future[None] | None = None

    def __exit__(self, *_: object) -> None:
        if self._hasher:
            self._hasher.shutdown()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _unreadable_explained(self._name):
            content = self._file.read(len(buffer))
        buffer[: len(content)] = content
        self.done += len(content)
        if self._hasher:
            # One at a time: reading faster than hashing would fill the memory.
            self._hashed()
            self._hashing = self._hasher.submit(self._digest.update, content)
        return len(content)

    def sha256(self) -> str | None:
        """The hexadecimal digest of the whole file, if it is hashed."""
        if self._hasher is None:
            return None
        while self.read(_CHUNK):
            pass
        self._hashed()
        return self._digest.hexdigest()

    def _hashed(self) -> None:
        if self._hashing:
            self._hashing.result()


class _Archive:
    """An archive being read from its beginning, by code that trusts no number in it.

    Only plain tar headers are read, one at a time: extended headers, links, directories and devices have no place in
    an archive, and tarfile would follow some of them, or read them whole into memory.
    """

    def __init__(self, source: _Source, report: Callable[[], None]) -> None:
        """`report` is called after each step, in the thread that asked for it, and may raise to give up."""
        self._source, self._report = source, report
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
        self._tar = decompressor.stream_reader(
            io.BufferedReader(source, _CHUNK), read_size=_CHUNK, read_across_frames=True
        )
        self._sums: dict[str, str] = {}

    def sha256(self) -> str | None:
        """The digest of the whole archive, to its last byte, if it is hashed."""
        return self._source.sha256()

    def manifest(self) -> Manifest:
        return Manifest.from_json(self._small_member(_MANIFEST, _MANIFEST_LIMIT))

    def unpack(self, manifest: Manifest, destination: Path, unpacked: Callable[[Path], None]) -> None:
        """Everything after the manifest, in the order in which it was written."""
        needed = sum(database.bytes for database in manifest.databases)
        free = shutil.disk_usage(destination).free
        if free < needed:
            raise ArchiveError(
                _("The databases need %(needed)s, but only %(free)s are free in %(path)s.")
                % {"needed": Size(needed), "free": Size(free), "path": destination}
            )
        for database in manifest.databases:
            self._member(database.file, exactly=database.bytes)
            try:
                self._write(database, destination / f"{database.name}.db", unpacked)
            except OSError as error:
                raise ArchiveError(
                    _("Database %(name)s could not be unpacked: %(why)s.")
                    % {"name": database.name, "why": explain(error)}
                ) from error
        computed = "".join(f"{digest}  {name}\n" for name, digest in self._sums.items()).encode()
        found = self._small_member(_SUMS, len(computed))
        if not self._source.hashed and found != computed:
            raise ArchiveError(_("The archive is damaged: its content does not match its SHA256SUMS."))
        self._end()
        self._report()
        sync_directory(destination)

    def _write(self, database: Database, path: Path, unpacked: Callable[[Path], None]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        digest = hashlib.sha256()
        with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
            content = self._content(database.bytes)
            # The digest of the whole archive says the same as those of its members.
            for block in _ahead(content if self._source.hashed else _digested(content, digest)):
                if file.write(block) != len(block):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._report()
            unpacked(path)
            os.fsync(file.fileno())
        self._sums[database.file] = digest.hexdigest()

    def _small_member(self, name: str, limit: int) -> bytes:
        content = b"".join(self._content(self._member(name, at_most=limit)))
        self._sums[name] = hashlib.sha256(content).hexdigest()
        return content

    def _member(self, name: str, *, at_most: int = SIZE_LIMIT, exactly: int | None = None) -> int:
        """Read the next header, which has to be this regular member's, and return its size."""
        header = self._exactly(_BLOCK)
        if not any(header):
            raise ArchiveError(_("The archive has no %s.") % name)
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise ArchiveError(_("The archive is damaged: %s.") % error) from error
        if info.name != name or info.type != tarfile.REGTYPE:
            raise ArchiveError(
                _("The archive holds %(found)r where %(name)s belongs.") % {"found": info.name, "name": name}
            )
        if not 0 <= info.size <= at_most or (exactly is not None and info.size != exactly):
            raise ArchiveError(_("%(name)s in the archive has a wrong size.") % {"name": name})
        return info.size

    def _content(self, size: int) -> Iterator[bytes]:
        for start in range(0, size, _CHUNK):
            yield self._exactly(min(_CHUNK, size - start))
        self._exactly(-size % _BLOCK)

    def _end(self) -> None:
        """After the last member come zeros, at most as many as fill a tar program's record, and then nothing."""
        rest = self._tar.read(tarfile.RECORDSIZE + 1)
        if any(rest) or not len(_END_OF_TAR) <= len(rest) <= tarfile.RECORDSIZE:
            raise ArchiveError(_("The archive holds more, or ends earlier, than its manifest says."))

    def _exactly(self, size: int) -> bytes:
        content: bytes = self._tar.read(size) if size else b""
        if len(content) != size:
            raise ArchiveError(_("The archive ends too early."))
        return content


def _digested(blocks: Iterator[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for block in blocks:
        digest.update(block)
        yield block


def _ahead(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks, each made in another thread while the one before it is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="unpack") as reader:
        following = reader.submit(next, blocks, None)
        while (block := following.result()) is not None:
            following = reader.submit(next, blocks, None)
            yield block
