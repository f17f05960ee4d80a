"""Every archive that write() completes is readable, because write() first applies the reader's rules to it."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from hypothesis import given, settings
from hypothesis import strategies as st

from backups import archive
from backups.archive import ArchiveError, Entry, reader, writer
from instances.engines.base import Collection, Contents, Database, Member
from tests.backups.archive.archives import CONTENTS, MANIFEST, NAME, Made, ignore, make_files, the_contents

NAMES = st.text(min_size=1, max_size=20) | st.text("\0\n<>/$\ud800é", min_size=1, max_size=4)
COLLECTIONS = st.builds(Collection, NAMES, st.integers(-1, 2**61), st.lists(NAMES, max_size=3).map(tuple))
DATABASES = st.builds(Database, NAMES, st.lists(COLLECTIONS, max_size=3).map(tuple))


@pytest.fixture
def files(tmp_path: Path) -> Made:
    return make_files(tmp_path / "staging", shop=10)


def written(manifest: archive.Manifest, members: list[Member], contents: Contents) -> InMemoryStorage:
    """Write the archive; after an error, assert that nothing is left of it."""
    storage = InMemoryStorage()
    try:
        archive.write(storage, NAME, manifest, members, lambda waiting=None: contents, progress=ignore)
    except BaseException:
        assert not storage.exists(NAME)
        raise
    return storage


@settings(max_examples=100, deadline=None)
@given(databases=st.lists(DATABASES, max_size=3).map(tuple), size=st.integers(0, 2000), name=st.text(max_size=70))
def test_whatever_is_written_can_be_read(databases: tuple[Database, ...], size: int, name: str) -> None:
    content, contents = b"x" * size, Contents(databases)
    members = [Member("data/WiredTiger", size, lambda: iter([memoryview(content)] if size else []))]
    manifest = replace(MANIFEST, backup_name=name or "name", members=(Entry("data/WiredTiger", size),))
    try:
        storage = written(manifest, members, contents)
    except ArchiveError:
        return
    with TemporaryDirectory() as room:
        unpacked = archive.unpack(storage, NAME, Path(room) / "data", progress=ignore)
    assert (unpacked.manifest, unpacked.contents) == (manifest, contents)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backup_name": "a<b>cd"}, "breaks a rule"),
        ({"engine": "Other"}, "databases of the engine Other"),
        ({"members": (Entry("data/more.txt", 0),)}, "which no backup has"),
        ({"members": (Entry("data/WiredTiger", 2**60),)}, "cannot be understood"),
        ({"members": (Entry("data/WiredTiger", 0),) * 2}, "named twice"),
    ],
    ids=str,
)
def test_a_manifest_that_the_reader_would_reject_is_not_written(
    files: Made, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ArchiveError, match=said):
        written(replace(files[0], **changes), files[1], CONTENTS)  # type: ignore[arg-type]


def test_contents_that_the_reader_would_reject_fail_the_backup(files: Made) -> None:
    twice = Contents((Database("shop", (Collection("orders", 1), Collection("orders", 2))),))
    with pytest.raises(ArchiveError, match="a collection of shop named twice"):
        written(files[0], files[1], twice)


def test_the_writer_limits_the_manifest_as_the_reader_does(files: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    assert writer.LIMIT is reader.LIMIT  # type: ignore[attr-defined]
    limit = len(files[0].to_json())
    for at_most in (limit, limit - 1):
        monkeypatch.setattr(writer, "LIMIT", at_most)
        if at_most == limit:
            written(files[0], files[1], Contents(()))
        else:
            with pytest.raises(ArchiveError, match="more files or collections than an archive can list"):
                written(files[0], files[1], Contents(()))


def test_an_archive_that_the_storage_alters_is_rejected(files: Made) -> None:
    class Forgetful(InMemoryStorage):
        """Keeps the size of a file, and nothing else."""

        def _save(self, name: str, content: object) -> str:
            saved = super()._save(name, content)  # type: ignore[misc]
            size = self.size(saved)
            self.delete(saved)
            return str(super()._save(saved, ContentFile(bytes(size))))  # type: ignore[misc]

    storage = Forgetful()
    with pytest.raises(ArchiveError, match="is damaged"):
        archive.write(storage, NAME, files[0], files[1], the_contents, progress=ignore)
    assert not storage.exists(NAME)
