"""Another bucket or prefix than the first looks empty, and must not be used by mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from backups import placement
from backups.storage.base import StorageFailed
from backups.storage.identity import ID_NAME
from backups.storage.s3 import BucketStorage
from tests.backups.archive.archives import NAME
from tests.s3 import Bucket, Faulty, Request, failure


@pytest.fixture
def identified(bucket: Bucket, tmp_path: Path) -> BucketStorage:
    """Return a storage that has been used and contains an archive."""
    storage = bucket.storage(remembered=tmp_path / "bucket-id")
    storage.save(NAME, ContentFile(b"content"))
    return storage


@pytest.fixture(params=["without an id", "with the id of another console"])
def elsewhere(request: pytest.FixtureRequest, identified: BucketStorage, bucket: Bucket, tmp_path: Path) -> Bucket:
    """Return the bucket after the prefix `other/` was prepared; the console's archives have another prefix."""
    if request.param != "without an id":
        bucket.storage(location="other/", remembered=tmp_path / "other-id").free_space()
    return bucket


USES: list[Callable[[BucketStorage], object]] = [
    lambda storage: storage.save(NAME, ContentFile(b"content")),
    lambda storage: storage.open(NAME),
    lambda storage: storage.size(NAME),
    lambda storage: storage.exists(NAME),
    lambda storage: storage.delete(NAME),
    lambda storage: storage.free_space(),
]


def test_with_another_prefix_no_object_is_reported_missing_written_or_deleted(
    elsewhere: Bucket, tmp_path: Path
) -> None:
    before = elsewhere.objects()
    storage = elsewhere.storage(location="other/", remembered=tmp_path / "bucket-id")
    for use in USES:
        with pytest.raises(StorageFailed, match=r"correct CONSOLE_S3_BUCKET or .*, or empty the file \S+/bucket-id"):
            use(storage)
    assert elsewhere.objects() == before and elsewhere.uploads() == []
    (tmp_path / "bucket-id").write_text("")
    assert not storage.exists(NAME)
    assert elsewhere.content(f"other/{ID_NAME}").decode() == (tmp_path / "bucket-id").read_text()


def test_a_new_home_recognizes_the_bucket_by_its_archives(
    elsewhere: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "newest_archives", lambda: ["later.tar.zst", NAME])
    options = {"remembered": tmp_path / "new-home", "expected": "backups.placement.newest_archives"}
    with pytest.raises(StorageFailed, match="not the one that has the archives"):
        elsewhere.storage(location="other/", **options).free_space()
    elsewhere.storage(**options).free_space()
    assert (tmp_path / "new-home").read_text() == (tmp_path / "bucket-id").read_text()


@pytest.mark.parametrize("conditions", ["known", "unknown"])
def test_hosts_that_use_a_new_bucket_at_the_same_time_agree_on_its_id(
    bucket: Bucket, faulty: Faulty, tmp_path: Path, conditions: str
) -> None:
    first, second = (bucket.storage(remembered=tmp_path / name) for name in ("first", "second"))

    def answer(request: Request) -> tuple[str, bytes] | None:
        if "HTTP_IF_NONE_MATCH" not in request.headers:
            return None
        if conditions == "unknown":
            return ("501 No", failure("NotImplemented"))
        faulty.fault = lambda request: None
        second.require_there()
        return None

    faulty.fault = answer
    assert first.require_there() == second.require_there() == bucket.content(f"console/{ID_NAME}").decode()


def test_a_new_bucket_gets_no_id_while_its_server_is_overloaded(bucket: Bucket, faulty: Faulty, tmp_path: Path) -> None:
    """Without the condition, two hosts would overwrite each other's id."""
    storage = bucket.storage(remembered=tmp_path / "bucket-id")
    faulty.fault = lambda request: ("503 Oh", failure("SlowDown")) if "HTTP_IF_NONE_MATCH" in request.headers else None
    with pytest.raises(StorageFailed, match="SlowDown"):
        storage.require_there()
    assert bucket.objects() == [] and not (tmp_path / "bucket-id").exists()


def test_an_id_that_was_written_although_its_answer_was_lost_is_used(
    bucket: Bucket, faulty: Faulty, tmp_path: Path
) -> None:
    def lose(request: Request) -> tuple[str, bytes] | None:
        if "HTTP_IF_NONE_MATCH" not in request.headers:
            return None
        bucket.client.put_object(Bucket=bucket.name, Key=f"console/{ID_NAME}", Body=b"written")
        return "503 Oh", failure("SlowDown")

    faulty.fault = lose
    assert bucket.storage(remembered=tmp_path / "bucket-id").require_there() == "written"


def test_an_empty_id_is_replaced(bucket: Bucket, tmp_path: Path) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=f"console/{ID_NAME}", Body=b"")
    found = bucket.storage(remembered=tmp_path / "bucket-id").require_there()
    assert found == bucket.content(f"console/{ID_NAME}").decode() != ""


def test_checking_a_bucket_without_an_id_writes_one(storage: BucketStorage, bucket: Bucket) -> None:
    storage.free_space()
    assert storage.read_id() == bucket.content(f"console/{ID_NAME}").decode() != ""
