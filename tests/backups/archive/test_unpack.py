"""Genuine archives are unpacked exactly; any other archive is rejected and leaves no files."""

import hashlib
import json
import os
import tarfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import zstandard
from django.core.files.storage import InMemoryStorage
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backups import archive
from backups.archive import ArchiveError, Manifest
from backups.models import Backup
from backups.storage.folder import FolderStorage
from console.text.visible import invisible
from tests.backups.archive.archives import (
    CONTENTS,
    NAME,
    content,
    forged,
    holding,
    ignore,
    make_files,
    member,
    sums,
    tar_of,
)

Usage = namedtuple("Usage", "total used free")


class Honest:
    """An archive as the console writes it, with its manifest and its members' contents by name."""

    def __init__(self, manifest: Manifest, members: dict[str, bytes], whole: bytes) -> None:
        self.manifest, self.members, self.whole = manifest, members, whole


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    made = make_files(tmp_path_factory.mktemp("honest"), shop=3000, users=5)
    storage = InMemoryStorage()
    archive.write(storage, NAME, *made, progress=ignore)
    with tar_of(content(storage)) as tar:
        members = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    return Honest(made[0], members, content(storage))


@pytest.fixture
def destination(tmp_path: Path) -> Iterator[Path]:
    """Yield the directory to unpack into; afterwards check that nothing was written next to it."""
    yield tmp_path / "inner" / "unpacked"
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert {path.name for path in (tmp_path / "inner").iterdir()} <= {"unpacked"}


@pytest.fixture(autouse=True)
def inner(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()


def refused(storage: InMemoryStorage, destination: Path, match: str = ".") -> None:
    with pytest.raises(ArchiveError, match=match):
        archive.unpack(storage, NAME, destination, progress=ignore)
    assert not destination.exists()


def test_unpacked_files_equal_the_originals(honest: Honest, destination: Path) -> None:
    manifest, members, whole = honest.manifest, honest.members, honest.whole
    digest = hashlib.sha256(whole).hexdigest()
    unpacked = archive.unpack(holding(whole), NAME, destination, sha256=digest, progress=ignore)
    assert (unpacked.manifest, unpacked.contents) == (manifest, CONTENTS)
    assert {path.name: path.read_bytes() for path in destination.iterdir()} == {
        f"secantus_{name}.wt": members[f"data/secantus_{name}.wt"] for name in ("shop", "users")
    }
    assert destination.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in destination.iterdir()} == {0o600}


def test_an_archive_repacked_by_tar_is_accepted(honest: Honest, destination: Path) -> None:
    """GNU tar writes the same members, but more padding at the end."""
    manifest, members = honest.manifest, honest.members
    storage = forged([member(name, data) for name, data in members.items()], end=bytes(8192))
    assert archive.unpack(storage, NAME, destination, progress=ignore).manifest == manifest


def test_progress_rises_to_the_size_of_the_archive(honest: Honest, destination: Path) -> None:
    reports: list[tuple[int, int]] = []
    digest = hashlib.sha256(honest.whole).hexdigest()
    archive.unpack(
        holding(honest.whole), NAME, destination, sha256=digest, progress=lambda *report: reports.append(report)
    )
    assert reports == sorted(reports)
    assert reports[-1] == (len(honest.whole), len(honest.whole))


@pytest.mark.parametrize("whole_digest", [True, False])
def test_the_progress_callback_can_cancel(honest: Honest, destination: Path, whole_digest: bool) -> None:
    class Cancelled(Exception):
        pass

    def cancel(_done: int, _total: int) -> None:
        raise Cancelled

    digest = hashlib.sha256(honest.whole).hexdigest() if whole_digest else None
    with pytest.raises(Cancelled):
        archive.unpack(holding(honest.whole), NAME, destination, sha256=digest, progress=cancel)
    assert not destination.exists()


def test_a_digest_mismatch_is_rejected_and_leaves_nothing(honest: Honest, destination: Path) -> None:
    with pytest.raises(ArchiveError, match="SHA-256 differs"):
        archive.unpack(holding(honest.whole), NAME, destination, sha256="0" * 64, progress=ignore)
    assert not destination.exists()


def test_the_error_names_a_missing_archive(destination: Path) -> None:
    refused(InMemoryStorage(), destination, f"The archive {NAME} is missing")


def test_an_existing_destination_is_rejected_and_kept(honest: Honest, destination: Path) -> None:
    destination.mkdir(parents=True)
    (destination / "secantus_shop.wt").write_text("mine")
    with pytest.raises(ArchiveError, match="could not be created"):
        archive.unpack(holding(honest.whole), NAME, destination, progress=ignore)
    assert (destination / "secantus_shop.wt").read_text() == "mine"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_or_a_truncation_never_yields_wrong_files(honest: Honest, data: st.DataObject) -> None:
    manifest, members, whole = honest.manifest, honest.members, honest.whole
    damaged = bytearray(whole)
    if data.draw(st.booleans(), label="flip"):
        damaged[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del damaged[data.draw(st.integers(0, len(whole) - 1)) :]
    digest = hashlib.sha256(whole).hexdigest()
    with TemporaryDirectory() as directory:
        destination = Path(directory) / "unpacked"
        with pytest.raises(ArchiveError):
            archive.unpack(holding(bytes(damaged)), NAME, destination, sha256=digest, progress=ignore)
        # Without the digest of the whole archive, the digests inside it still protect the files.
        try:
            assert archive.unpack(holding(bytes(damaged)), NAME, destination, progress=ignore).manifest == manifest
        except ArchiveError:
            assert list(Path(directory).iterdir()) == []
        else:
            assert (destination / "secantus_shop.wt").read_bytes() == members["data/secantus_shop.wt"]


HOSTILE_NAMES = st.sampled_from(
    ["../evil", "/tmp/evil", "databases/../../evil.db", "databases/evil.db", "data/secantus_shop.wt/", "", ".", "\x00"]
) | st.text(max_size=90)
HOSTILE_TYPES = st.sampled_from([bytes([number]) for number in b"1234567LKxgSV\0A"])


FORGERIES = st.sampled_from(["add", "rename", "retype", "precede", "resize", "double", "leave out", "move"])


@settings(max_examples=200, deadline=None)
@given(
    forgery=FORGERIES,
    position=st.integers(0, 3),
    other=HOSTILE_NAMES,
    type=HOSTILE_TYPES,
    size=st.integers(0, 2**62),
)
def test_forged_members_are_rejected_and_leave_no_files(
    honest: Honest, forgery: str, position: int, other: str, type: bytes, size: int
) -> None:
    """Add, rename, retype, resize, duplicate, omit or move one member."""
    contents = honest.members
    members = [member(name, inside) for name, inside in contents.items()]
    name, inside = list(contents.items())[position]
    assume(other != name and size != len(inside) and _encodable(other))
    before, here, after = members[:position], members[position], members[position + 1 :]
    renamed = member(other, inside)
    retyped = member(name, type=type, linkname="/etc/passwd", size=len(inside))
    forged_members = {
        "add": [*before, renamed, here, *after],
        "rename": [*before, renamed, *after],
        "retype": [*before, retyped, *after],
        "precede": [*before, retyped, here, *after],
        "resize": [*before, member(name, inside, size=size), *after],
        "double": [*before, here, here, *after],
        "leave out": [*before, *after],
        "move": [*after, *before, here] if after else [here, *before],
    }[forgery]
    with TemporaryDirectory() as directory:
        refused(forged(forged_members), Path(directory) / "unpacked")
        assert list(Path(directory).iterdir()) == []


def _encodable(text: str) -> bool:
    """Return whether tar can store the name. The format cuts a final "/" or NUL, which leaves a genuine name."""
    try:
        return len(text.encode("utf-8")) <= 100 and "\0" not in text.rstrip("\0")
    except UnicodeEncodeError:
        return False


def test_a_symbolic_link_is_not_followed(honest: Honest, destination: Path, tmp_path: Path) -> None:
    """A link replaces a file, so the next file would be written through the link."""
    contents = honest.members
    link = member("data/secantus_shop.wt", type=tarfile.SYMTYPE, linkname=str(tmp_path / "victim"))
    members = [member(name, inside) for name, inside in contents.items()]
    refused(forged([members[0], link, *members[1:]]), destination, "has 'data/secantus_shop.wt' where")


def test_a_member_that_does_not_match_its_digest_is_rejected(honest: Honest, destination: Path) -> None:
    contents = honest.members
    changed = bytearray(contents["data/secantus_users.wt"])
    changed[100] ^= 1
    members = {**contents, "data/secantus_users.wt": bytes(changed)}
    refused(forged([member(*one) for one in members.items()]), destination, "do not match its SHA256SUMS")


def test_a_wrong_end_of_the_archive_is_rejected(honest: Honest, destination: Path) -> None:
    members = [member(name, inside) for name, inside in honest.members.items()]
    refused(forged(members, end=bytes(1024) + b"more"), destination, "longer or shorter")
    refused(forged(members, end=bytes(1_000_000)), destination, "longer or shorter")
    refused(forged(members, end=bytes(512)), destination, "longer or shorter")
    refused(holding(honest.whole + b"more"), destination, "damaged")


def test_a_decompression_bomb_is_rejected(honest: Honest, destination: Path) -> None:
    """The archive has a manifest of a terabyte of zeros, or a frame that needs a window of a gigabyte."""
    refused(forged([member("manifest.json", size=2**40)]), destination, "wrong size")
    window = zstandard.ZstdCompressionParameters(window_log=30)
    compressor = zstandard.ZstdCompressor(compression_params=window).compressobj()
    bomb = compressor.compress(bytes(1024)) + compressor.flush()
    refused(holding(bomb), destination, "damaged")


def test_files_larger_than_the_disk_are_rejected_before_anything_is_written(
    honest: Honest, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(100, 99, 1))
    refused(holding(honest.whole), destination, "only 1\xa0byte are free|only 1.byte")


def test_a_failing_disk_is_explained(honest: Honest, destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    refused(holding(honest.whole), destination, "data/secantus_shop.wt could not be unpacked: Input/output error")


def changed(honest: Honest, **fields: Any) -> InMemoryStorage:
    """Return an archive with the genuine manifest, except for these top-level fields."""
    raw = {**json.loads(honest.members["manifest.json"]), **fields}
    return forged([member("manifest.json", json.dumps(raw).encode())])


def test_a_newer_format_is_rejected_with_both_versions(honest: Honest, destination: Path) -> None:
    refused(changed(honest, format=3, members="new"), destination, r"newer version .*format 3, here 2")


def test_the_old_format_is_rejected_in_one_sentence(destination: Path) -> None:
    old = {"format_version": 1, "backup": {"id": "1", "name": "old"}, "databases": []}
    refused(
        forged([member("manifest.json", json.dumps(old).encode())]),
        destination,
        r"^The archive has the old format 1, which this version of the console does not read\.$",
    )


@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "data/../evil", "/data/WiredTiger", "data/a/b", "data/.hidden", "", "data/", "WiredTiger"),
        *("data/opened", "data/agent.json", "data/WiredTiger.turtle", "data/WiredTiger.lock", "data/secantus_é.wt"),
        "data/WiredTiger.wt",
        *("data/secantus_a.wt\n", "data//WiredTiger", "data\\WiredTiger", f"data/secantus_{'x' * 65}.wt"),
    ],
)
def test_a_manifest_cannot_name_a_file_that_no_backup_has(honest: Honest, destination: Path, name: str) -> None:
    refused(changed(honest, members=[{"name": name, "size": 0}]), destination, "which no backup has")


@pytest.mark.parametrize(
    "entry",
    [
        *({"size": -1}, {"size": True}, {"size": 1.0}, {"size": 2**70}, {"size": "1"}, {"size": None}),
        *({"name": 7}, {"name": None}, {"name": "data/\0"}, {"name": "data/\ud800"}),
    ],
)
def test_a_manifest_with_impossible_members_is_rejected(
    honest: Honest, destination: Path, entry: dict[str, object]
) -> None:
    entries = [{"name": "data/WiredTiger", "size": 0, **entry}]
    refused(changed(honest, members=entries), destination, "manifest cannot be understood")


def test_a_manifest_cannot_name_a_member_twice(honest: Honest, destination: Path) -> None:
    members = json.loads(honest.members["manifest.json"])["members"]
    refused(changed(honest, members=members * 2), destination, "named twice")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"engine": {"name": "Other", "version": "1", "storage_engine": "", "compatible_version": ""}}, "engine Other"),
        ({"method": "Guessed"}, "unknown method Guessed"),
    ],
)
def test_an_archive_of_another_engine_is_rejected(
    honest: Honest, destination: Path, fields: dict[str, Any], said: str
) -> None:
    refused(changed(honest, **fields), destination, said)


CONTENTS_WRONG = [
    *(b"", b"null", b"{}", b"[7]", b'[{"name": "a"}]', b'[{"name": "a", "collections": [{"name": "b"}]}]'),
    b'[{"name": "a", "collections": [{"name": "b", "documents": -1, "indexes": []}]}]',
    b'[{"name": "a", "collections": [{"name": "b", "documents": 1, "indexes": [1]}]}]',
    b'[{"name": "a", "collections": []}, {"name": "a", "collections": []}]',
    b'[{"name": "a", "collections": [' + b", ".join([b'{"name": "b", "documents": 1, "indexes": []}'] * 2) + b"]}]",
]


@pytest.mark.parametrize("listed", CONTENTS_WRONG)
def test_impossible_contents_are_rejected(honest: Honest, destination: Path, listed: bytes) -> None:
    contents = {name: inside for name, inside in honest.members.items() if name != "SHA256SUMS"}
    contents["contents.json"] = listed
    members = {**contents, "SHA256SUMS": sums(**contents)}
    refused(forged([member(*one) for one in members.items()]), destination, "list of contents cannot be understood")


def test_a_manifest_needs_a_time_with_a_zone(honest: Honest, destination: Path) -> None:
    refused(changed(honest, cut_at="2024-02-29T00:00:00"), destination, "without zone")


HOSTILE = [
    *("", "a<b>cd", "../../../x", "name\n", "na\x1bme", "name\u202e", "名字名字", " name", "x" * 65, "=name"),
    *(7, None, ["name"]),
]
FACTS = [
    *(("backup", "id"), ("backup", "name"), ("instance", "id"), ("instance", "name"), ("instance", "type")),
    *(("engine", "name"), ("engine", "version"), ("engine", "compatible_version"), ("engine", "storage_engine")),
]


def with_fact(honest: Honest, of: str, name: str, value: object) -> bytes:
    raw = json.loads(honest.members["manifest.json"])
    raw[of][name] = value
    return json.dumps(raw).encode()


@pytest.mark.parametrize("fact", FACTS, ids=".".join)
def test_no_fact_in_a_manifest_can_be_what_no_console_writes(honest: Honest, fact: tuple[str, str]) -> None:
    # A server that has not answered yet has no version.
    for value in HOSTILE if fact[0] != "engine" else HOSTILE[1:]:
        with pytest.raises(ArchiveError) as rejected:
            Manifest.from_json(with_fact(honest, *fact, value))
        assert not invisible(str(rejected.value))


@pytest.mark.parametrize(
    "fields",
    [{"method": "a\tb"}, {"consistency": "some moment"}, {"cut_at": "0001-01-01T00:00:00+14:00"}, {"cut_at": "soon"}],
    ids=str,
)
def test_impossible_times_and_words_are_rejected(honest: Honest, destination: Path, fields: dict[str, str]) -> None:
    refused(changed(honest, **fields), destination, "manifest cannot be understood")


@settings(max_examples=200, deadline=None)
@given(fact=st.sampled_from(FACTS), text=st.text(max_size=70) | st.text("abcdefin0123456789. -_", max_size=40))
def test_whatever_a_manifest_says_keeps_the_rules_of_a_backup_or_is_rejected(
    honest: Honest, fact: tuple[str, str], text: str
) -> None:
    try:
        manifest = Manifest.from_json(with_fact(honest, *fact, text))
    except ArchiveError as error:
        assert not invisible(str(error))
        return
    facts = ("instance_name", "instance_type", "engine", "engine_version", "compatible_version", "storage_engine")
    backup = Backup(
        id=manifest.backup_id,
        name=manifest.backup_name,
        instance_uid=manifest.instance_id,
        **{name: getattr(manifest, name) for name in facts},
    )
    backup.clean_fields(exclude={field.name for field in Backup._meta.fields} - {"id", "name", "instance_uid", *facts})


@settings(max_examples=100, deadline=None)
@given(
    text=st.binary(max_size=200)
    | st.sampled_from([b"[" * 100_000, b'{"format": 1e999}', b'{"format": 2}', b"null", b"{}"])
)
def test_any_other_manifest_is_rejected_in_one_sentence(text: bytes) -> None:
    with pytest.raises(ArchiveError):
        Manifest.from_json(text)


@pytest.mark.parametrize("sha256", ["0" * 64, None], ids=["with its SHA-256", "without"])
def test_an_archive_on_an_unreadable_disk_is_not_reported_as_damaged(
    destination: Path, tmp_path_factory: pytest.TempPathFactory, sha256: str | None
) -> None:
    """Reading /proc/self/mem fails with EIO, as reading from a failing disk does."""
    folder = tmp_path_factory.mktemp("failing")
    (folder / NAME).symlink_to("/proc/self/mem")
    with pytest.raises(ArchiveError, match=r"could not be read: Input/output error\.$"):
        archive.unpack(FolderStorage(folder), NAME, destination, sha256=sha256, progress=ignore)
    assert not destination.exists()
