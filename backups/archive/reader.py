"""Read archives that may come from an untrusted source."""

import errno
import hashlib
import itertools
import os
import shutil
import tarfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self, cast

import zstandard
from django.core.files import File
from django.core.files.storage import Storage

from backups.archive.manifest import SIZE_LIMIT, ArchiveError, ArchiveNotRead, Entry, Manifest, contents_from_json
from console.processes.durable import sync_directory
from console.text.errors import explain_file
from console.text.messages import Message, Size
from instances import engines
from instances.engines.base import Contents, streamed_member

MANIFEST, CONTENTS, SUMS = "manifest.json", "contents.json", "SHA256SUMS"
# Memory limits in bytes: for each of these members, and for decompression.
LIMIT = 16 * 1024 * 1024
_WINDOW_LIMIT = 32 * 1024 * 1024
_CHUNK = 1024 * 1024
_BLOCK = tarfile.BLOCKSIZE
_END_OF_TAR = bytes(2 * _BLOCK)

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Unpacked:
    """The manifest of a fully read archive, and its list of databases."""

    manifest: Manifest
    contents: Contents


def read_manifest(storage: Storage, name: str) -> Manifest:
    """Return the manifest without reading the rest of the archive. Raises ArchiveError."""
    with _opened(storage, name, lambda done: None) as archive:
        return archive.manifest()


def unpack(storage: Storage, name: str, destination: Path, *, sha256: str | None = None, progress: Report) -> Unpacked:
    """Unpack the files of the database server into the new directory `destination` and sync them to disk.

    With `sha256`, remove the files again unless the whole archive has that digest. The files are exactly those that
    were archived; the caller has to check whether a server accepts them. `progress` receives the archive bytes read
    and the total, and may raise an exception to cancel. Raises ArchiveError or the exception of `progress`; then
    `destination` does not exist.
    """
    with _unreadable_explained(name):
        size = storage.size(name)
    try:
        with _opened(storage, name, lambda done: progress(done, size), hashed=bool(sha256)) as archive:
            manifest = archive.manifest()
            try:
                destination.mkdir(mode=0o700)
            except OSError as error:
                raise ArchiveNotRead(Message("archive.no_folder", why=explain_file(error))) from error
            try:
                contents = archive.unpack(manifest, destination)
                if sha256 and archive.sha256() != sha256:
                    raise _another(name)
            except BaseException:
                shutil.rmtree(destination, ignore_errors=True)
                raise
    except ArchiveError as error:
        # A failing disk or storage says nothing about the archive.
        if sha256 and not isinstance(error.__cause__, OSError):
            _explain_by_digest(storage, name, sha256, error)
        raise
    return Unpacked(manifest, contents)


@dataclass
class Stream:
    """The members of an archive as one run of bytes, for archives whose members were not known in advance.

    `blocks` yields them once, and raises ArchiveError if the archive is damaged, perhaps only at its end. A block stays
    valid until the caller requests the second one after it. `contents` is set when `blocks` has ended; then `size` is
    the total size of the members in bytes.
    """

    manifest: Manifest
    blocks: Iterator[memoryview]
    contents: Contents | None = None
    size: int = 0


@contextmanager
def stream(storage: Storage, name: str, *, sha256: str | None = None, progress: Report) -> Iterator[Stream]:
    """Open an archive whose members were not known in advance. Raises ArchiveError or the exception of `progress`.

    With `sha256`, the whole archive must have that digest. `progress` receives the archive bytes read and the total.
    """
    with _unreadable_explained(name):
        size = storage.size(name)
    try:
        with _opened(storage, name, lambda done: progress(done, size), hashed=bool(sha256)) as archive:
            manifest = archive.manifest()
            if manifest.members is not None:
                raise ArchiveNotRead(Message("archive.other_method", method=manifest.method))
            opened = Stream(manifest, iter(()))

            def blocks() -> Iterator[memoryview]:
                opened.contents = yield from archive.stream()
                opened.size = archive.streamed
                if sha256 and archive.sha256() != sha256:
                    raise _another(name)

            opened.blocks = blocks()
            yield opened
    except ArchiveError as error:
        if sha256 and not isinstance(error.__cause__, OSError):
            _explain_by_digest(storage, name, sha256, error)
        raise


def _explain_by_digest(storage: Storage, name: str, expected: str, error: ArchiveError) -> None:
    """Report a digest mismatch in preference to the error it caused. Raises ArchiveError."""
    digest = hashlib.sha256()
    with _unreadable_explained(name), storage.open(name) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != expected:
        raise _another(name) from error


def _another(name: str) -> ArchiveError:
    return ArchiveError(Message("archive.other_digest", name=name))


@contextmanager
def _unreadable_explained(name: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ArchiveError(Message("archive.missing", name=name)) from error
    except OSError as error:
        raise ArchiveNotRead(Message("archive.unreadable", why=explain_file(error))) from error


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
            raise ArchiveError(Message("archive.broken", name=name, why=error)) from error


class _Source:
    """A stored file that counts the bytes read from it and, with `hashed`, hashes them in another thread."""

    def __init__(self, file: "File[bytes]", name: str, *, hashed: bool) -> None:
        self._file, self._name, self.hashed, self.done = file, name, hashed, 0
        self._digest = hashlib.sha256()
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="digest") if hashed else None
        self._hashing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._hasher:
            self._hasher.shutdown()

    def read(self, size: int) -> bytes:
        with _unreadable_explained(self._name):
            content: bytes = self._file.read(size)
        self.done += len(content)
        if self._hasher:
            # Wait for the previous chunk: if reading is faster than hashing, unhashed chunks would fill the memory.
            self._hashed()
            self._hashing = self._hasher.submit(self._digest.update, content)
        return content

    def sha256(self) -> str | None:
        """Return the hexadecimal digest of the whole file; None if it is not hashed."""
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
    """An archive that is read from start to end without trusting any number in it.

    The reader accepts only plain tar headers, one at a time. Extended headers, links, directories and devices have no
    place in an archive, and tarfile would follow some of them or read them whole into memory.
    """

    def __init__(self, source: _Source, report: Callable[[], None]) -> None:
        """Call `report` after each step, in the caller's thread. It may raise an exception to cancel."""
        self._source, self._report = source, report
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
        self._tar = decompressor.stream_reader(cast("IO[bytes]", source), read_size=_CHUNK, read_across_frames=True)
        self._sums = bytearray()
        # The total size of the members that stream() has read.
        self.streamed = 0
        # Reuse two buffers: allocating memory for every block would take longer than unpacking the block.
        self._buffers = [memoryview(bytearray(_CHUNK)) for _ in range(2)]

    def sha256(self) -> str | None:
        """Read the archive to its last byte and return its digest; None if it is not hashed."""
        return self._source.sha256()

    def manifest(self) -> Manifest:
        return parse_manifest(self._small_member(MANIFEST))

    def unpack(self, manifest: Manifest, destination: Path) -> Contents:
        """Unpack everything after the manifest into `destination` and return the list of contents."""
        if manifest.members is None:
            raise ArchiveNotRead(Message("archive.other_method", method=manifest.method))
        free = shutil.disk_usage(destination).free
        if free < manifest.size:
            sizes = {"needed": Size(manifest.size), "free": Size(free)}
            raise ArchiveNotRead(Message("archive.no_room", folder=destination, **sizes))
        for entry in manifest.members:
            self._member(entry.name, exactly=entry.size)
            try:
                self._write(entry, destination / _file(entry))
            except OSError as error:
                raise ArchiveNotRead(
                    Message("archive.not_unpacked", name=entry.name, why=explain_file(error))
                ) from error
        contents = self._rest(self._member(CONTENTS, at_most=LIMIT))
        sync_directory(destination)
        return contents

    def stream(self) -> Generator[memoryview, None, Contents]:
        """Yield the content of all members after the manifest in blocks, and return the list of contents."""
        for number in itertools.count(1):
            name, size = self._header()
            if name == CONTENTS:
                break
            if name != streamed_member(number):
                raise ArchiveError(Message("archive.unknown_member", name=name))
            digest = hashlib.sha256()
            content = self._content(size)
            for block in content if self._source.hashed else _digested(content, digest):
                yield block
                self._report()
            self._sums += sum_line(name, digest)
            self.streamed += size
        if size > LIMIT:
            raise ArchiveError(Message("archive.wrong_size", name=name))
        return self._rest(size)

    def _rest(self, size: int) -> Contents:
        """Read the rest of the archive from the content of contents.json, which has this size."""
        contents = self._small(CONTENTS, size)
        computed = bytes(self._sums)
        found = self._small_member(SUMS)
        if not self._source.hashed and found != computed:
            raise ArchiveError(Message("archive.broken_sums"))
        self._end()
        self._report()
        return contents_from_json(contents)

    def _write(self, entry: Entry, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        digest = hashlib.sha256()
        with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
            content = self._content(entry.size)
            # If the whole archive is hashed, its members need no digests of their own.
            for block in _ahead(content if self._source.hashed else _digested(content, digest)):
                if file.write(block) != len(block):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._report()
            os.fsync(file.fileno())
        self._sums += sum_line(entry.name, digest)

    def _small_member(self, name: str) -> bytes:
        return self._small(name, self._member(name, at_most=LIMIT))

    def _small(self, name: str, size: int) -> bytes:
        content = self._exactly(size)
        self._exactly(-size % _BLOCK)
        self._sums += sum_line(name, hashlib.sha256(content))
        return content

    def _member(self, name: str, *, at_most: int = SIZE_LIMIT, exactly: int | None = None) -> int:
        """Read the next header, check that it describes a regular file called `name`, and return its size."""
        found, size = self._header(name)
        if found != name:
            raise ArchiveError(Message("archive.other_member", found=found, name=name))
        if size > at_most or (exactly is not None and size != exactly):
            raise ArchiveError(Message("archive.wrong_size", name=name))
        return size

    def _header(self, wanted: str = CONTENTS) -> tuple[str, int]:
        """Read the next header, and return the name and size of the regular file that it describes.

        `wanted` is the member that is missing if there is no further header.
        """
        header = self._exactly(_BLOCK)
        if not any(header):
            raise ArchiveError(Message("archive.no_member", name=wanted))
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise ArchiveError(Message("archive.broken_header", why=error)) from error
        if info.type != tarfile.REGTYPE:
            raise ArchiveError(Message("archive.other_member", found=info.name, name=wanted))
        if not 0 <= info.size <= SIZE_LIMIT:
            raise ArchiveError(Message("archive.wrong_size", name=info.name))
        return info.name, info.size

    def _content(self, size: int) -> Iterator[memoryview]:
        """Yield the member's bytes in blocks. A block stays valid until the caller requests the second one after it."""
        for start in range(0, size, _CHUNK):
            self._buffers.reverse()
            block = self._buffers[0][: size - start]
            if self._tar.readinto(block) != len(block):
                raise _too_short()
            yield block
        self._exactly(-size % _BLOCK)

    def _end(self) -> None:
        """Check that only zeros follow the last member, and no more than fill one tar record."""
        rest = self._tar.read(tarfile.RECORDSIZE + 1)
        if any(rest) or not len(_END_OF_TAR) <= len(rest) <= tarfile.RECORDSIZE:
            raise ArchiveError(Message("archive.wrong_end"))

    def _exactly(self, size: int) -> bytes:
        content: bytes = self._tar.read(size) if size else b""
        if len(content) != size:
            raise _too_short()
        return content


def sum_line(name: str, digest: "hashlib._Hash") -> bytes:
    """Return the line of a member in SHA256SUMS."""
    return f"{digest.hexdigest()}  {name}\n".encode()


def _too_short() -> ArchiveError:
    return ArchiveError(Message("archive.ends_early"))


def parse_manifest(content: bytes) -> Manifest:
    """Return the manifest. Raises ArchiveError unless an engine of this console could have made such a backup."""
    manifest = Manifest.from_json(content)
    engine = engines.of_method(manifest.method)
    if engine is None:
        raise ArchiveNotRead(Message("archive.other_method", method=manifest.method))
    if not engine.made(manifest.engine):
        raise ArchiveNotRead(Message("archive.other_engine", theirs=manifest.engine, ours=engines.embedded().name))
    for entry in manifest.members or ():
        if not engine.owns(entry.name):
            raise ArchiveError(Message("archive.unknown_member", name=entry.name))
    return manifest


def _file(entry: Entry) -> str:
    """Return the member's file name without its folder."""
    return entry.name.rpartition("/")[2]


def _digested(blocks: Iterator[memoryview], digest: "hashlib._Hash") -> Iterator[memoryview]:
    for block in blocks:
        digest.update(block)
        yield block


def _ahead(blocks: Iterator[memoryview]) -> Iterator[memoryview]:
    """Yield the same blocks, reading each in another thread while the caller uses the previous block."""
    with ThreadPoolExecutor(1, thread_name_prefix="unpack") as reader:
        following = reader.submit(next, blocks, None)
        while (block := following.result()) is not None:
            following = reader.submit(next, blocks, None)
            yield block
