"""The bucket that contains archives: it has only complete objects, whatever fails."""

import hashlib
import io
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File

from backups import archive
from backups.archive import ArchiveError
from backups.storage import s3_transfer
from backups.storage.base import StorageFailed, Streamed
from backups.storage.s3 import BucketStorage
from tests.backups.archive.archives import NAME, Made, ignore, make_files, path_of
from tests.s3 import Bucket, Faulty, Request, failure, moto_process
from tests.waiting import wait_for

MEGABYTE = 1024 * 1024
KEY = f"console/{NAME}"


class Cancelled(Exception):
    pass


def noise(size: int) -> bytes:
    return (hashlib.sha256(b"noise").digest() * (size // 32 + 1))[:size]


def nothing() -> None:
    pass


def streamed(content: bytes, pulse: Any = nothing) -> Streamed:
    return Streamed(io.BytesIO(content), NAME, at_most=len(content), pulse=pulse)


# --- Writing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 8 * MEGABYTE, 20 * MEGABYTE + 1])
def test_saved_content_is_read_back_unchanged(storage: BucketStorage, bucket: Bucket, size: int) -> None:
    content = noise(size)
    assert storage.save(NAME, streamed(content)) == NAME
    assert bucket.content(KEY) == content
    assert (storage.exists(NAME), storage.size(NAME)) == (True, size)
    with storage.open(NAME) as file:
        assert file.read() == content
    assert not bucket.uploads()


def test_a_partly_read_file_is_saved_from_its_beginning(storage: BucketStorage, bucket: Bucket) -> None:
    content = io.BytesIO(noise(1000))
    content.read()
    storage.save(NAME, File(content, NAME))
    assert bucket.content(KEY) == noise(1000)


def test_the_object_appears_only_when_it_is_complete(storage: BucketStorage, bucket: Bucket) -> None:
    seen = []

    class Watching(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            seen.append((storage.exists(NAME), bucket.objects()))
            return super().read(size)

    storage.save(NAME, File(Watching(noise(20 * MEGABYTE)), NAME))
    assert len(seen) == 4 and set(map(str, seen)) == {"(False, [])"}
    assert storage.listdir("") == ([], [NAME])


def test_ten_thousand_parts_suffice_for_the_announced_size(
    storage: BucketStorage, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_transfer, "_PARTS", 2)
    storage.save(NAME, streamed(noise(30 * MEGABYTE)))
    assert len([request for request in faulty.requests if request.is_part]) == 2


def test_an_existing_object_is_kept_and_a_second_one_is_rejected(storage: BucketStorage, bucket: Bucket) -> None:
    storage.save(NAME, ContentFile(b"first"))
    with pytest.raises(FileExistsError):
        storage.save(NAME, ContentFile(b"second"))
    assert bucket.content(KEY) == b"first" and not bucket.uploads()


def test_every_part_has_a_checksum_and_the_complete_object_is_verified(
    storage: BucketStorage, bucket: Bucket, faulty: Faulty
) -> None:
    def flip(request: Request, body: bytes) -> bytes:
        return b"?" + body[1:] if request.is_part and "partNumber=2" in request.query else body

    faulty.spoil = flip
    with pytest.raises(StorageFailed, match="does not hold what was sent"):
        storage.save(NAME, streamed(noise(20 * MEGABYTE)))
    assert bucket.objects() == bucket.uploads() == []


@pytest.mark.parametrize(
    ("code", "at"),
    [
        ("InvalidArgument", "everywhere"),
        ("NotImplemented", "everywhere"),
        ("InvalidArgument", "part"),
        ("InvalidRequest", "completion"),
        ("InvalidArgument", "result"),
    ],
)
def test_without_sha256_support_the_md5_of_each_part_is_compared(
    storage: BucketStorage, bucket: Bucket, faulty: Faulty, code: str, at: str
) -> None:
    """Some stores reject the checksums only in a part, in the list of parts or in the question for the result."""
    refused: list[Request] = []

    def refuse(request: Request) -> tuple[str, bytes] | None:
        in_headers = any("CHECKSUM" in name for name in request.headers)
        rejects = {
            "everywhere": in_headers,
            "part": in_headers and request.is_part,
            # The checksums are in the body.
            "completion": request.method == "POST" and "uploadId" in request.query and not refused,
            "result": in_headers and request.method == "HEAD",
        }
        if not rejects[at]:
            return None
        refused.append(request)
        return "400 Unknown header", failure(code)

    faulty.fault = refuse
    storage.save(NAME, streamed(noise(9 * MEGABYTE)))
    assert refused and bucket.content(KEY) == noise(9 * MEGABYTE) and not bucket.uploads()
    if at in {"everywhere", "part"}:
        parts = [request for request in faulty.requests if request.is_part and request not in refused]
        assert len(parts) == 2 and all("HTTP_CONTENT_MD5" in request.headers for request in parts)


def test_requests_to_an_unreliable_server_are_retried(storage: BucketStorage, bucket: Bucket, faulty: Faulty) -> None:
    failing = {"POST": 1, "PUT": 3, "HEAD": 1, "GET": 1}

    def fail(request: Request) -> tuple[str, bytes] | None:
        failing[request.method] = failing.get(request.method, 0) - 1
        return ("503 Slow Down", failure("SlowDown")) if failing[request.method] >= 0 else None

    faulty.fault = fail
    storage.save(NAME, streamed(noise(20 * MEGABYTE)))
    failing["GET"] = 1
    with storage.open(NAME) as file:
        assert file.read() == noise(20 * MEGABYTE)
    assert not bucket.uploads()


@pytest.mark.parametrize("failing", ["begin", "part", "complete"])
def test_persistent_failures_leave_nothing_and_give_one_sentence(
    storage: BucketStorage, bucket: Bucket, faulty: Faulty, failing: str
) -> None:
    def fail(request: Request) -> tuple[str, bytes] | None:
        which = {"begin": request.method == "POST" and request.query == "uploads", "part": request.is_part}
        which["complete"] = request.method == "POST" and "uploadId" in request.query
        return ("500 Oh", failure("InternalError")) if which[failing] else None

    faulty.fault = fail
    with pytest.raises(StorageFailed, match=r"failed several times in a row \(InternalError\); try again later"):
        storage.save(NAME, streamed(noise(20 * MEGABYTE)))
    assert bucket.objects() == bucket.uploads() == []


def test_a_lost_answer_to_the_completion_is_not_a_failure(
    storage: BucketStorage, bucket: Bucket, faulty: Faulty
) -> None:
    answers = [None, ("500 Oh", failure("InternalError")), ("404 Gone", failure("NoSuchUpload"))]

    def lose(request: Request) -> tuple[str, bytes] | None:
        if request.method != "POST" or "uploadId" not in request.query:
            return None
        if len(answers) == 3:
            # The server completes the upload, but its answer is lost.
            [upload] = bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
            begun = {"Bucket": bucket.name, "Key": KEY, "UploadId": upload["UploadId"]}
            sent = [{"PartNumber": 1, "ETag": bucket.client.list_parts(**begun)["Parts"][0]["ETag"]}]
            assert answers.pop(0) is None
            faulty.fault = lambda request: None
            bucket.client.complete_multipart_upload(**begun, MultipartUpload={"Parts": sent})
            faulty.fault = lose
        return answers.pop(0)

    faulty.fault = lose
    storage.save(NAME, streamed(noise(100)))
    assert not answers and bucket.content(KEY) == noise(100)


# --- Giving up -------------------------------------------------------------------------------------------------


def test_content_that_fails_midway_leaves_nothing(storage: BucketStorage, bucket: Bucket) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= 16 * MEGABYTE:
                raise Cancelled
            return super().read(size)

    with pytest.raises(Cancelled):
        storage.save(NAME, File(Failing(noise(30 * MEGABYTE)), NAME))
    assert bucket.objects() == bucket.uploads() == []


def test_cancelling_aborts_the_upload_after_all_parts_in_flight_have_ended(
    storage: BucketStorage, bucket: Bucket, faulty: Faulty
) -> None:
    hanging, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def hang(request: Request) -> None:
        if request.is_part:
            hanging.set()
            go_on.wait(20)
            done.append("part")
        elif request.method == "DELETE":
            done.append("abort")

    def pulse() -> None:
        if hanging.is_set():
            threading.Timer(0.5, go_on.set).start()
            raise Cancelled

    faulty.fault = hang
    with pytest.raises(Cancelled):
        storage.save(NAME, streamed(noise(20 * MEGABYTE), pulse))
    assert "part" in done and done[-1] == "abort"
    assert bucket.objects() == bucket.uploads() == []


def test_the_rest_of_an_unwanted_part_is_not_sent() -> None:
    unwanted = threading.Event()
    part = s3_transfer._Part(b"abc", unwanted)
    assert part.read(2) == b"ab"
    unwanted.set()
    with pytest.raises(s3_transfer._GivenUp):
        part.read(1)


def test_only_the_leftovers_of_the_named_upload_are_discarded(storage: BucketStorage, bucket: Bucket) -> None:
    for key in (KEY, KEY, f"{KEY}.other", f"other/{NAME}"):
        begun = bucket.client.create_multipart_upload(Bucket=bucket.name, Key=key)
        upload = {"Bucket": bucket.name, "Key": key, "UploadId": begun["UploadId"]}
        bucket.client.upload_part(**upload, PartNumber=1, Body=b"half")
    assert not storage.exists(NAME) and storage.listdir("") == ([], [])
    storage.discard_partial(NAME)
    storage.discard_partial(NAME)
    assert sorted(bucket.uploads()) == [f"{KEY}.other", f"other/{NAME}"]


def test_a_killed_writer_leaves_no_object_and_nothing_remains_after_the_cleanup() -> None:
    with moto_process() as url:
        bucket = Bucket(url, "archives")
        writer = subprocess.Popen(saving(bucket, megabytes=50_000))
        try:
            wait_for(lambda: len(parts(bucket)) > 1, seconds=60, because="parts in the bucket")
        finally:
            writer.kill()
            writer.wait(10)
        storage = bucket.storage()
        assert KEY not in bucket.objects() and not storage.exists(NAME)
        assert bucket.uploads() == [KEY]
        storage.discard_partial(NAME)
        assert bucket.uploads() == []
        storage.save(NAME, ContentFile(b"again"))
        assert bucket.content(KEY) == b"again"


@pytest.mark.parametrize("megabytes", [40, 200])
def test_memory_does_not_grow_with_the_size_of_the_object(megabytes: int) -> None:
    with moto_process() as url:
        done = subprocess.run(saving(Bucket(url, "archives"), megabytes), check=True, stdout=subprocess.PIPE)
    assert int(done.stdout) < 70 * MEGABYTE, f"{int(done.stdout) / MEGABYTE:.0f} MB"


def saving(bucket: Bucket, megabytes: int) -> list[str]:
    module = [sys.executable, "-m", "tests.backups.archive.saving"]
    return [*module, bucket.url, bucket.name, NAME, str(megabytes)]


def parts(bucket: Bucket) -> list[int]:
    """Return the sizes of the parts received for KEY; the storage also begins uploads just to check its permissions."""
    for upload in bucket.client.list_multipart_uploads(Bucket=bucket.name, Prefix=KEY).get("Uploads", ()):
        found = bucket.client.list_parts(Bucket=bucket.name, Key=upload["Key"], UploadId=upload["UploadId"])
        return [part["Size"] for part in found.get("Parts", ())]
    return []


def test_deleting_a_missing_object_is_not_an_error(storage: BucketStorage, bucket: Bucket) -> None:
    storage.save(NAME, ContentFile(b"content"))
    storage.delete(NAME)
    storage.delete(NAME)
    assert bucket.objects() == [] and not storage.exists(NAME)
    with pytest.raises(FileNotFoundError):
        storage.size(NAME)
    with pytest.raises(FileNotFoundError):
        storage.open(NAME)


@pytest.mark.parametrize("name", ["", ".a", "..", "../a", "/a", "a/b"])
def test_names_of_other_files_are_rejected(storage: BucketStorage, name: str) -> None:
    uses: list[Callable[[], object]] = [
        lambda: storage.exists(name),
        lambda: storage.size(name),
        lambda: storage.delete(name),
        lambda: storage.discard_partial(name),
        lambda: storage.open(name),
        lambda: storage.link(name, "a"),
        lambda: storage.save(name, ContentFile(b"")),
    ]
    for use in uses:
        with pytest.raises(SuspiciousFileOperation):
            use()


# --- Reading ---------------------------------------------------------------------------------------------------


def test_reading_resumes_where_the_connection_broke(storage: BucketStorage, faulty: Faulty) -> None:
    content = noise(5 * MEGABYTE)
    storage.save(NAME, streamed(content))
    faulty.cuts = [1_000_000, 0, 2_000_001, 0, None]
    digest = hashlib.sha256()
    with storage.open(NAME) as file:
        while part := file.read(300_000):
            digest.update(part)
    assert digest.digest() == hashlib.sha256(content).digest() and not faulty.cuts


def test_a_connection_that_breaks_repeatedly_is_reported_in_one_sentence(
    storage: BucketStorage, faulty: Faulty
) -> None:
    storage.save(NAME, streamed(noise(MEGABYTE)))
    faulty.cuts = [1000, 0, 0, 0, 0]
    with storage.open(NAME) as file, pytest.raises(StorageFailed, match="broke off in the middle"):
        while file.read(100_000):
            pass


def test_an_object_that_is_replaced_meanwhile_is_not_mixed_with_the_old_one(
    storage: BucketStorage, bucket: Bucket, faulty: Faulty
) -> None:
    storage.save(NAME, streamed(noise(MEGABYTE)))
    with storage.open(NAME) as file:
        bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=bytes(MEGABYTE))
        with pytest.raises(StorageFailed, match="PreconditionFailed"):
            file.read(10)


def test_an_object_can_be_read_from_any_position(storage: BucketStorage) -> None:
    content = noise(100_000)
    storage.save(NAME, streamed(content))
    with storage.open(NAME) as file:
        for start, whence, at in ((50_000, 0, 50_000), (-10, 2, 99_990), (0, 0, 0)):
            assert file.seek(start, whence) == at
            assert file.read(10) == content[at : at + 10]
        file.seek(0, 2)
        assert file.read(10) == b"" and file.size == 100_000


def test_the_link_downloads_the_file_under_its_name(storage: BucketStorage) -> None:
    storage.save(NAME, streamed(b"content"))
    with urllib.request.urlopen(storage.link(NAME, "nightly-1.tar.zst")) as answer:
        assert answer.read() == b"content"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="nightly-1.tar.zst"'
        assert answer.headers["Content-Type"] == "application/zstd"
    assert "X-Amz-Expires=600" in storage.link(NAME, "a")


# --- Archives --------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Made:
    return make_files(tmp_path / "staging", shop=60_000, users=10)


def test_an_archive_is_read_back_unchanged(storage: BucketStorage, bucket: Bucket, files: Made, tmp_path: Path) -> None:
    written = archive.write(storage, NAME, *files, progress=ignore)
    assert written.sha256 == hashlib.sha256(bucket.content(KEY)).hexdigest()
    archive.unpack(storage, NAME, tmp_path / "there", sha256=written.sha256, progress=ignore)
    for name in (path_of(member.name) for member in files[1]):
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "staging" / name).read_bytes()


def test_cancelling_leaves_nothing(storage: BucketStorage, bucket: Bucket, files: Made) -> None:
    def cancel(read: int, _written: int) -> None:
        if read > 2_000_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        archive.write(storage, NAME, *files, progress=cancel)
    assert bucket.objects() == bucket.uploads() == []


def test_a_storage_failure_is_reported_in_one_sentence(
    storage: BucketStorage, faulty: Faulty, files: Made, tmp_path: Path
) -> None:
    written = archive.write(storage, NAME, *files, progress=ignore)
    faulty.fault = lambda request: ("503 Oh", failure("SlowDown")) if request.method == "GET" else None
    with pytest.raises(
        ArchiveError, match=r"^The archive could not be read: the S3 storage failed several times.*later\.$"
    ):
        archive.unpack(storage, NAME, tmp_path / "there", sha256=written.sha256, progress=ignore)
    assert not (tmp_path / "there").exists()
    faulty.fault = lambda request: ("503 Oh", failure("SlowDown")) if request.is_part else None
    with pytest.raises(
        ArchiveError, match=r"^The archive could not be written: the S3 storage failed several times.*later\.$"
    ):
        archive.write(storage, "other.tar.zst", *files, progress=ignore)


def test_an_archive_is_not_reported_as_damaged_when_the_connection_breaks(
    storage: BucketStorage, faulty: Faulty, files: Made, tmp_path: Path
) -> None:
    written = archive.write(storage, NAME, *files, progress=ignore)
    faulty.requests.clear()
    faulty.cuts = [written.size // 2, *[0] * 20]
    with pytest.raises(ArchiveError, match="broke off in the middle"):
        archive.unpack(storage, NAME, tmp_path / "there", sha256=written.sha256, progress=ignore)
    assert not (tmp_path / "there").exists()
    assert len([request for request in faulty.requests if request.method == "GET"]) == 3
