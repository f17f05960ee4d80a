"""Wrong settings of the bucket, its server or its permissions are noticed, and the reason says what to do."""

import time
from pathlib import Path

import pytest
from django.core.files.base import ContentFile

from backups.storage import s3
from backups.storage.base import StorageFailed
from backups.storage.identity import ID_NAME
from backups.storage.s3 import BucketStorage
from tests.backups.archive.archives import NAME
from tests.s3 import Bucket, Faulty, Request, failure


def test_checking_a_writable_bucket_writes_one_object_and_again_after_an_hour(
    storage: BucketStorage, bucket: Bucket, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert storage.free_space() is None and storage.free_space() is None
    assert bucket.objects() == [f"console/{ID_NAME}"] and bucket.uploads() == []
    assert storage.listdir("") == ([], [])
    methods = [request.method for request in faulty.requests if ID_NAME in request.path]
    assert methods == ["GET", "PUT", "GET"]
    faulty.fault = refuse_writing
    storage.free_space()
    later = time.monotonic() + s3._PROVE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    for _ in range(2):
        with pytest.raises(StorageFailed, match="does not allow PutObject"):
            storage.free_space()
    faulty.fault = lambda request: None
    storage.free_space()


def refuse_writing(request: Request) -> tuple[str, bytes] | None:
    return ("403 No", failure("AccessDenied")) if request.method in {"PUT", "POST"} else None


def test_a_failed_upload_has_the_bucket_checked_at_once(storage: BucketStorage, faulty: Faulty) -> None:
    storage.free_space()
    faulty.fault = refuse_writing
    with pytest.raises(StorageFailed, match="does not allow CreateMultipartUpload"):
        storage.save(NAME, ContentFile(b"content"))
    with pytest.raises(StorageFailed, match="does not allow PutObject"):
        storage.free_space()


def test_checking_a_bucket_that_does_not_allow_aborting_leaves_no_incomplete_uploads(
    storage: BucketStorage, bucket: Bucket, faulty: Faulty
) -> None:
    faulty.fault = lambda request: ("403 No", failure("AccessDenied")) if request.method == "DELETE" else None
    storage.free_space()
    assert bucket.uploads() == []


@pytest.mark.parametrize("knows_conditions", [True, False])
def test_a_bucket_with_object_lock_can_be_used(
    bucket: Bucket, faulty: Faulty, tmp_path: Path, knows_conditions: bool
) -> None:
    """With a default retention, AWS rejects objects and parts without a checksum."""

    def demand_checksums(request: Request) -> tuple[str, bytes] | None:
        if not knows_conditions and "HTTP_IF_NONE_MATCH" in request.headers:
            return "501 No", failure("NotImplemented")
        checked = any(name.startswith(("HTTP_CONTENT_MD5", "HTTP_X_AMZ_CHECKSUM_")) for name in request.headers)
        return ("400 No", failure("InvalidRequest")) if request.method == "PUT" and not checked else None

    faulty.fault = demand_checksums
    storage = bucket.storage(remembered=tmp_path / "bucket-id")
    storage.free_space()
    storage.save(NAME, ContentFile(b"content"))
    assert sorted(bucket.objects()) == [f"console/{ID_NAME}", f"console/{NAME}"]


def test_a_day_of_checks_writes_few_objects(
    storage: BucketStorage, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Object Lock, none of these versions can be deleted."""
    start = time.monotonic()
    for minute in range(0, 24 * 60, 5):
        monkeypatch.setattr(time, "monotonic", lambda now=start + minute * 60: now)
        storage.free_space()
    assert len([request for request in faulty.requests if request.method == "PUT"]) <= 25


@pytest.mark.parametrize(
    ("code", "status", "named"),
    [
        ("InvalidAccessKeyId", "403 No", "CONSOLE_S3_SECRET_ACCESS_KEY"),
        ("SignatureDoesNotMatch", "403 No", "CONSOLE_S3_SECRET_ACCESS_KEY"),
        ("AccessDenied", "403 No", "does not allow GetObject"),
        ("AuthorizationHeaderMalformed", "400 No", "CONSOLE_S3_REGION"),
        ("RequestTimeTooSkewed", "403 No", "clocks"),
        ("StrangeCode", "400 No", "refused GetObject: StrangeCode$"),
    ],
)
def test_an_error_of_the_server_says_what_to_do(
    storage: BucketStorage, faulty: Faulty, code: str, status: str, named: str
) -> None:
    faulty.fault = lambda request: (status, failure(code))
    with pytest.raises(StorageFailed, match=named):
        storage.free_space()


def test_the_error_about_a_missing_bucket_names_the_setting(bucket: Bucket) -> None:
    storage = bucket.storage(bucket_name="another-one")
    for _ in range(2):
        with pytest.raises(StorageFailed, match="no bucket of this name; check CONSOLE_S3_BUCKET"):
            storage.free_space()


def test_a_deleted_bucket_is_noticed(storage: BucketStorage, bucket: Bucket) -> None:
    storage.free_space()
    bucket.empty()
    bucket.client.delete_bucket(Bucket=bucket.name)
    with pytest.raises(StorageFailed, match="CONSOLE_S3_BUCKET"):
        storage.free_space()


def test_the_error_about_an_unreachable_endpoint_names_the_setting(bucket: Bucket) -> None:
    storage = bucket.storage(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(StorageFailed, match="is not responding; check CONSOLE_S3_ENDPOINT_URL"):
        storage.free_space()


def test_an_endpoint_without_tls_is_not_reported_as_a_certificate_error(bucket: Bucket) -> None:
    storage = bucket.storage(endpoint_url=bucket.url.replace("http:", "https:"))
    with pytest.raises(StorageFailed, match="CONSOLE_S3_ENDPOINT_URL"):
        storage.free_space()


def test_the_error_about_missing_keys_names_the_settings(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    storage = bucket.storage(access_key=None, secret_key=None)
    for use in (storage.free_space, lambda: storage.link(NAME, "a")):
        with pytest.raises(StorageFailed, match="there is no access key"):
            use()


def test_boto3_finds_keys_by_itself_if_none_are_set(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-elsewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    link = bucket.storage(access_key=None, secret_key=None).link(NAME, "a")
    assert "from-elsewhere" in link and "X-Amz-Security-Token=token" in link
