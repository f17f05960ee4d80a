"""Write an archive in one pass over the members of a cut, with constant memory."""

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import zstandard
from django.core.files.storage import Storage

from backups.archive.manifest import ArchiveError, Manifest, contents_from_json, contents_to_json
from backups.archive.reader import CONTENTS, LIMIT, MANIFEST, SUMS, parse_manifest, read_manifest, sum_line
from backups.storage.base import Streamed
from console.text.errors import explain_file
from console.text.messages import Message
from instances.engines.base import Contents, Member, TakeContents

_CHUNK = 1024 * 1024
_BLOCK = tarfile.BLOCKSIZE
_END_OF_TAR = bytes(2 * _BLOCK)

_LEVEL = 3
# Each worker uses about 10 MB. Hosts also run database servers, so a backup leaves some cores of a large host free.
_WORKERS = min(os.cpu_count() or 1, 4)
# Jobs four times as large make archives 1 % smaller, but each worker uses 40 MB if the data cannot be compressed.
_JOB_SIZE = 1024 * 1024

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Written:
    """A finished archive: its size, the total size of its members, its hexadecimal SHA-256 digest, and its databases.

    Sizes are in bytes.
    """

    size: int
    data_size: int
    sha256: str
    contents: Contents


def write(
    storage: Storage,
    name: str,
    manifest: Manifest,
    members: Iterable[Member],
    contents: TakeContents,
    *,
    progress: Report,
    expected_bytes: int = 0,
) -> Written:
    """Write the archive into the storage under exactly this name.

    `members` are the members that the manifest lists, in its order. If it lists none, their number and sizes are free,
    and `expected_bytes` is an estimate of their total size. After the last one, `contents` returns the list of
    databases. `progress` receives the bytes of members read and of archive written so far: about once a megabyte, while
    write() waits for the storage or the contents, and at the end. It may raise an exception to cancel. Raises
    ArchiveError, also if the reader would reject the archive, the storage's own errors, or the exception of `members`,
    `contents` or `progress`, and then leaves nothing in the storage.
    """
    _require_equal(parse_manifest(manifest.to_json()), manifest)
    with _unwritable_explained():
        if storage.exists(name):
            raise ArchiveError(Message("archive.exists", name=name))
    with _writers.one_more() as workers:
        stream = _Stream(manifest, members, contents, progress, workers, expected_bytes)
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
    assert stream.contents is not None
    return Written(stream.size, stream.data_size, stream.sha256.hexdigest(), stream.contents)


@contextmanager
def _unwritable_explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> ArchiveError:
    return ArchiveError(Message("archive.unwritable", why=explain_file(error)))


def _require_saved(storage: Storage, saved: str, name: str, stream: "_Stream") -> None:
    if stream.failure is not None:
        raise stream.failure
    if not stream.finished:
        raise ArchiveError(Message("archive.not_taken"))
    if saved != name:
        raise ArchiveError(Message("archive.other_name", saved=saved, name=name))
    held = storage.size(name)
    if held != stream.size:
        raise ArchiveError(Message("archive.other_size", held=held, size=stream.size))
    _require_equal(read_manifest(storage, name), stream.manifest)


def _require_equal(read: object, written: object) -> None:
    """Raise ArchiveError unless the reader reads what was written."""
    if read != written:
        raise ArchiveError(Message("archive.reads_differently"))


def _forget(storage: Storage, name: str, error: BaseException) -> None:
    """Delete anything that a failed save left under this name, which was free before: some storages leave a file."""
    try:
        storage.delete(name)
    except Exception as second:
        error.add_note(f"What was written of {name} could not be deleted: {second}")


class _Stream(io.RawIOBase):
    """The archive's bytes, made as they are read. After an error every read raises it, so no reader sees an end."""

    def __init__(
        self,
        manifest: Manifest,
        members: Iterable[Member],
        contents: TakeContents,
        progress: Report,
        workers: int,
        expected_bytes: int,
    ) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.contents: Contents | None = None
        self.finished = False
        self.failure: BaseException | None = None
        self.manifest = manifest
        self._members, self._take_contents = members, contents
        self._progress = progress
        # The bytes of members read so far.
        self.data_size = 0
        self._expected = manifest.size if manifest.members is not None else 2 * expected_bytes
        self._chunks = _compressed(self._tar(), workers)
        self._rest = memoryview(b"")

    @property
    def at_most(self) -> int:
        """The upper limit of the archive's size in bytes, reached if nothing in it can be compressed.

        If the members are not known in advance, it is an estimate, twice as large as it should be.
        """
        headers = 4 * _BLOCK * len(self.manifest.members or ())
        return self._expected + self._expected // 100 + headers + 2 * LIMIT

    def pulse(self) -> None:
        """Report progress while the storage reads nothing, so that cancelling need not wait for the storage."""
        with self._failing_for_good():
            self._note()

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

    def _note(self) -> None:
        self._progress(self.data_size, self.size)

    def _advance(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            self._note()
            self.finished = True
            return
        self.size += len(chunk)
        self.sha256.update(chunk)
        self._rest = memoryview(chunk)

    def _tar(self) -> Iterator[bytes | memoryview]:
        """Yield the tar file in blocks. A block stays valid until the caller requests the next."""
        # Text, because a large dump has a hundred thousand members.
        sums, modified = bytearray(), self.manifest.cut_at
        content = self.manifest.to_json()
        sums += sum_line(MANIFEST, hashlib.sha256(content))
        yield from _small_member(MANIFEST, content, modified)
        for member in self._members:
            yield _header(member.name, member.size, modified)
            digest = hashlib.sha256()
            left = member.size
            for block in member.read():
                digest.update(block)
                yield block
                left -= len(block)
                self.data_size += len(block)
                self._note()
            if left:
                raise ArchiveError(Message("archive.member_size", name=member.name))
            yield bytes(-member.size % _BLOCK)
            sums += sum_line(member.name, digest)
        # If this fails, the archive lacks its last members, so readers reject it as incomplete.
        self.contents = self._take_contents(self._note)
        content = contents_to_json(self.contents)
        _require_equal(contents_from_json(content), self.contents)
        sums += sum_line(CONTENTS, hashlib.sha256(content))
        yield from _small_member(CONTENTS, content, modified)
        yield from _small_member(SUMS, bytes(sums), modified)
        yield _END_OF_TAR


class _Writers:
    """The number of archives that this process is writing, which decides how many cores compress the next one.

    A single archive gets workers of its own. If there are several, each is compressed in the thread that reads it:
    together they keep the cores busy, and workers would only use memory and wait for each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writing = 0

    @contextmanager
    def one_more(self) -> Iterator[int]:
        """Count one more archive; yield the number of workers that it may use besides its own thread."""
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


def _small_member(name: str, content: bytes, modified: datetime) -> Iterator[bytes]:
    if len(content) > LIMIT:
        raise ArchiveError(Message("archive.too_many_members"))
    yield _header(name, len(content), modified)
    yield content
    yield bytes(-len(content) % _BLOCK)


def _header(name: str, size: int, modified: datetime) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(modified.timestamp())
    header = info.tobuf(tarfile.GNU_FORMAT)
    if len(header) != _BLOCK:
        # The reader accepts no extended headers, which a long name would need.
        raise ArchiveError(Message("archive.unknown_member", name=name))
    return header
