"""Archives whose members are made while they are read: written, and read back as one run of bytes."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from django.core.files.storage import InMemoryStorage

from backups import archive
from backups.archive import ArchiveError
from instances.engines.base import NOT_ONE_MOMENT, Member, streamed_member
from tests.backups.archive.archives import (
    CONTENTS,
    MANIFEST,
    NAME,
    content,
    forged,
    holding,
    ignore,
    member,
    sums,
    the_contents,
)

STREAMED = replace(MANIFEST, method="Logical", engine="MongoDB", members=None, consistency=NOT_ONE_MOMENT)
PARTS = [hashlib.sha256(b"%d" % number).digest() * 50_000 for number in range(3)] + [b"the rest"]


def parts() -> Iterator[Member]:
    def read(part: bytes) -> Iterator[memoryview]:
        yield memoryview(part)[:1000]
        yield memoryview(part)[1000:]

    for number, part in enumerate(PARTS, 1):
        yield Member(streamed_member(number), len(part), partial(read, part))


def written() -> InMemoryStorage:
    storage = InMemoryStorage()
    made = archive.write(storage, NAME, STREAMED, parts(), the_contents, progress=ignore, expected_bytes=10)
    assert made.data_size == sum(map(len, PARTS)) and made.contents == CONTENTS
    return storage


def read(storage: InMemoryStorage, sha256: str | None = None) -> bytes:
    with archive.stream(storage, NAME, sha256=sha256, progress=ignore) as opened:
        whole = b"".join(map(bytes, opened.blocks))
    assert opened.manifest == STREAMED and opened.contents == CONTENTS
    return whole


@pytest.mark.parametrize("hashed", [False, True])
def test_a_stream_is_read_back_whole(hashed: bool) -> None:
    storage = written()
    digest = hashlib.sha256(content(storage)).hexdigest() if hashed else None
    assert read(storage, digest) == b"".join(PARTS)


def test_another_archive_is_noticed_at_its_end() -> None:
    with pytest.raises(ArchiveError, match="SHA-256 differs"):
        read(written(), "0" * 64)


def forge(*names: str) -> InMemoryStorage:
    manifest, contents = STREAMED.to_json(), b"[\n\n]\n"
    listing = sums(**{"manifest.json": manifest}, **dict.fromkeys(names, b"x"), **{"contents.json": contents})
    middle = [member(name, b"x") for name in names]
    return forged(
        [
            member("manifest.json", manifest),
            *middle,
            member("contents.json", contents),
            member("SHA256SUMS", listing),
        ]
    )


@pytest.mark.parametrize(
    "names", [["dump/00000002"], ["dump/00000001", "dump/00000001"], ["data/WiredTiger"], ["../x"]], ids=str
)
def test_members_out_of_order_are_rejected(names: list[str]) -> None:
    with (
        pytest.raises(ArchiveError, match="which no backup has"),
        archive.stream(forge(*names), NAME, progress=ignore) as opened,
    ):
        list(opened.blocks)


def test_an_archive_that_ends_early_is_rejected() -> None:
    whole = content(written())
    with (
        pytest.raises(ArchiveError),
        archive.stream(holding(whole[: len(whole) // 2]), NAME, progress=ignore) as opened,
    ):
        list(opened.blocks)


def test_a_changed_part_is_rejected_without_a_digest() -> None:
    storage = forge("dump/00000001")
    with archive.stream(storage, NAME, progress=ignore) as opened:
        assert b"".join(map(bytes, opened.blocks)) == b"x"
    manifest, contents = STREAMED.to_json(), b"[\n\n]\n"
    listing = sums(**{"manifest.json": manifest, "dump/00000001": b"y", "contents.json": contents})
    changed = forged(
        [
            member("manifest.json", manifest),
            member("dump/00000001", b"x"),
            member("contents.json", contents),
            member("SHA256SUMS", listing),
        ]
    )
    with pytest.raises(ArchiveError), archive.stream(changed, NAME, progress=ignore) as opened:
        list(opened.blocks)
