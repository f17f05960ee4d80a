"""The storage that keeps backups in a bucket of S3 or of a store that speaks its protocol.

Imported only where the settings choose it: boto3 takes a moment to load.
"""

import base64
import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cached_property
from typing import IO, Any, cast

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from botocore.exceptions import (
    ConnectionError as NoConnection,
)
from django.core.files import File
from django.utils.http import content_disposition_header
from storages.backends.s3 import S3Storage

from backups.storage.folder import ArchiveStorage, StorageFailed, require_flat
from console.text.sentences import sentence as _

_MEGABYTE = 1024 * 1024
# What S3 allows, and what is used as long as an archive fits into so many parts: up to 80 GB.
_PARTS = 10_000
_PART_SIZE = 8 * _MEGABYTE
# Parts on their way at the same time. With the one that is being made, so many are in memory.
_PARALLEL = 3
_CONTENT_TYPE = "application/zstd"
_LINK_SECONDS = 600
_PULSE_SECONDS = 0.5

# What is asked while somebody waits for the answer gives up soon; what moves an archive rides out a restart.
_ASKING = Config(
    connect_timeout=5,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 3},
    signature_version="s3v4",
    # Each part has its checksum all the same. What boto3 adds by default many other stores do not understand.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
_MOVING = Config(read_timeout=60, retries={"mode": "standard", "total_max_attempts": 8})
# Before each attempt to go on reading after a connection broke; after the last, without a byte between, it fails.
_READ_PAUSES = (0, 0.2, 1, 4, 10)


class BucketStorage(ArchiveStorage, S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Objects in one bucket, each visible only when all of its parts are there and have their checksums.

    Options: `bucket_name`, `location` (what all keys begin with), `endpoint_url`, `region_name`, `access_key`,
    `secret_key` (None: where boto3 finds them) and `addressing_style`.
    """

    shared = True

    def __init__(self, addressing_style: str = "auto", **options: Any) -> None:
        config = _ASKING.merge(Config(s3={"addressing_style": addressing_style}))
        # What it would take from the environment on its own, and not as boto3 does, does not go with what is set.
        options = {"access_key": None, "secret_key": None, "security_token": None, "session_profile": None, **options}
        super().__init__(client_config=config, querystring_expire=_LINK_SECONDS, **options)
        self._connecting = threading.RLock()
        self._proved = False

    @property
    def connection(self) -> Any:
        """One for all threads, as they use its client alone, which allows it: each would cost megabytes."""
        with self._connecting:
            return self._connected

    @cached_property
    def _connected(self) -> Any:
        return self._session.resource("s3", **self._target, config=self.client_config)

    @property
    def _mover(self) -> Any:
        """The client that moves archives."""
        with self._connecting:
            return self._moving

    @cached_property
    def _moving(self) -> Any:
        return self._session.client("s3", **self._target, config=self.client_config.merge(_MOVING))

    @cached_property
    def _session(self) -> Any:
        return self._create_session()

    @property
    def _target(self) -> dict[str, Any]:
        return {"region_name": self.region_name, "endpoint_url": self.endpoint_url}

    def _key(self, name: str) -> str:
        require_flat(name)
        key: str = self._normalize_name(name)
        return key

    def exists(self, name: str) -> bool:
        require_flat(name)
        with _explained():
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        require_flat(name)
        with _explained():
            return int(super().size(name))

    def delete(self, name: str) -> None:
        require_flat(name)
        with _explained():
            super().delete(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with _explained():
            found: tuple[list[str], list[str]] = super().listdir(path)
            return found

    def discard_partial(self, name: str) -> None:
        client, key = self.connection.meta.client, self._key(name)
        with _explained():
            for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket_name, Prefix=key):
                for upload in page.get("Uploads", ()):
                    if upload["Key"] == key:
                        _abort(client, self.bucket_name, key, upload["UploadId"])

    def free_space(self) -> int | None:
        """None, if archives can be written: the first time by beginning one, later by asking for the bucket."""
        client = self.connection.meta.client
        proved, self._proved = self._proved, False
        with _explained():
            if proved:
                client.head_bucket(Bucket=self.bucket_name)
            else:
                key = self._normalize_name("writable")
                begun = client.create_multipart_upload(Bucket=self.bucket_name, Key=key)
                _abort(client, self.bucket_name, key, begun["UploadId"])
        self._proved = True
        return None

    def link(self, name: str, saved_as: str) -> str:
        """Signed, for some minutes: long enough to begin a download, which may then take as long as it takes."""
        require_flat(name)
        shown = {
            "ResponseContentDisposition": content_disposition_header(True, saved_as),
            "ResponseContentType": _CONTENT_TYPE,
        }
        with _explained():
            return str(S3Storage.url(self, name, parameters=shown))

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with _explained():
            return File(cast(IO[bytes], _Object(self._mover, self.bucket_name, self._key(name))), name)

    def _save(self, name: str, content: "File[bytes]") -> str:
        with _explained(), _Upload(self._mover, self.bucket_name, self._key(name)) as upload:
            upload.send(content)
            if self.exists(name):
                raise FileExistsError(f"{name} exists already.")
            upload.complete()
        return name


# --- Writing ---------------------------------------------------------------------------------------------------


class _GivenUp(BaseException):
    """Ends a part that is being sent; not an Exception, which botocore would take for a reason to send it again."""


class _Part(io.BytesIO):
    """The body of a part's request, whose sending ends when nobody wants it any more."""

    def __init__(self, content: bytes, unwanted: threading.Event) -> None:
        super().__init__(content)
        self._unwanted = unwanted

    def read(self, size: int | None = -1) -> bytes:
        if self._unwanted.is_set():
            raise _GivenUp
        return super().read(size)


class _Upload:
    """One multipart upload: a context manager, which aborts it and removes its parts if something is raised."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._object = {"Bucket": bucket, "Key": key}
        self._size = 0
        self._sending: set[Future[None]] = set()
        self._knows_sha256 = True
        # By the number of the part: its digest, and what the store calls it.
        self._sent: dict[int, tuple[bytes, str]] = {}
        self._unwanted = threading.Event()

    def __enter__(self) -> "_Upload":
        begun = self._begin()
        self._upload = {**self._object, "UploadId": begun["UploadId"]}
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="upload")
        return self

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if error:
            self._unwanted.set()
        # A part that arrives after the upload was aborted would stay in the bucket.
        self._pool.shutdown(cancel_futures=True)
        if error:
            try:
                _abort(self._client, self._object["Bucket"], self._object["Key"], self._upload["UploadId"])
            except (BotoCoreError, ClientError) as second:
                error.add_note(f"The upload of {self._object['Key']} could not be aborted: {second}")

    def _begin(self) -> Any:
        """Begin it with SHA-256; if the store does not know that, each part has the MD5 that every store compares."""
        wanted = {**self._object, "ContentType": _CONTENT_TYPE}
        try:
            return self._client.create_multipart_upload(**wanted, ChecksumAlgorithm="SHA256")
        except ClientError as error:
            if _code(error) not in {"InvalidArgument", "InvalidRequest", "NotImplemented"}:
                raise
        self._knows_sha256 = False
        return self._client.create_multipart_upload(**wanted)

    def send(self, content: Any) -> None:
        """Send the content in parts, while the next is being read. It is read in the caller's thread."""
        at_most: int = getattr(content, "at_most", None) or content.size
        pulse: Callable[[], None] = getattr(content, "pulse", lambda: None)
        if content.seekable():
            content.seek(0)
        size = max(_PART_SIZE, -(-at_most // (_PARTS * _MEGABYTE)) * _MEGABYTE)
        part: bytes = content.read(size)
        number = 0
        while part or number == 0:
            number += 1
            self._size += len(part)
            self._wait(_PARALLEL - 1, pulse)
            self._sending.add(self._pool.submit(self._send, number, part))
            part = content.read(size)
        self._wait(0, pulse)

    def complete(self) -> None:
        """Make the object visible, and compare what the store says of it with what was sent."""
        sent = sorted(self._sent.items())
        parts = [{"PartNumber": number, "ETag": tag, **self._checksum(digest)} for number, (digest, tag) in sent]
        try:
            self._client.complete_multipart_upload(**self._upload, MultipartUpload={"Parts": parts})
        except self._client.exceptions.NoSuchUpload:
            # So answers the second attempt if only the answer to the first was lost. The object tells.
            pass
        found = self._client.head_object(**self._object, **({"ChecksumMode": "ENABLED"} if self._knows_sha256 else {}))
        # Stores that keep no checksums say none.
        whole = _base64(hashlib.sha256(b"".join(digest for _number, (digest, _tag) in sent)).digest())
        kept = found.get("ChecksumSHA256", whole).partition("-")[0]
        if found["ContentLength"] != self._size or kept != whole:
            self._client.delete_object(**self._object)
            raise StorageFailed(_("the S3 storage does not hold what was sent to it"))

    def _send(self, number: int, part: bytes) -> None:
        digest = hashlib.sha256(part).digest()
        compared = self._checksum(digest) or {"ContentMD5": _base64(hashlib.md5(part, usedforsecurity=False).digest())}
        answer = self._client.upload_part(
            **self._upload, **compared, PartNumber=number, Body=_Part(part, self._unwanted)
        )
        self._sent[number] = (digest, answer["ETag"])

    def _checksum(self, digest: bytes) -> dict[str, str]:
        return {"ChecksumSHA256": _base64(digest)} if self._knows_sha256 else {}

    def _wait(self, most: int, pulse: Callable[[], None]) -> None:
        """Until no more than so many parts are on their way. Raises what one of them failed with."""
        while len(self._sending) > most:
            done, self._sending = wait(self._sending, _PULSE_SECONDS, FIRST_COMPLETED)
            for future in done:
                future.result()
            if not done:
                pulse()


def _abort(client: Any, bucket: str, key: str, upload: str) -> None:
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    except client.exceptions.NoSuchUpload:
        pass


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


# --- Reading ---------------------------------------------------------------------------------------------------


class _Object(io.RawIOBase):
    """An object being read as a stream, which takes up where it stopped when its connection breaks."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client, self._object = client, {"Bucket": bucket, "Key": key}
        try:
            found = client.head_object(**self._object)
        except ClientError as error:
            if _status(error) == 404:
                raise FileNotFoundError(key) from error
            raise
        self.size: int = found["ContentLength"]
        # Whatever happens to the object meanwhile, its bytes are all of this one.
        self._tag = found["ETag"]
        self._at = 0
        self._stream: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = start + offset
        self._break_off()
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), max(0, self.size - self._at))
        with _explained():
            content = self._read(wanted) if wanted else b""
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        self._break_off()
        super().close()

    def _read(self, wanted: int) -> bytes:
        broken: Exception | None = None
        for pause in _READ_PAUSES:
            time.sleep(pause)
            if self._stream is None:
                asked = self._client.get_object(**self._object, Range=f"bytes={self._at}-", IfMatch=self._tag)
                self._stream = asked["Body"]
            try:
                content: bytes = self._stream.read(wanted)
                if content:
                    return content
            except (BotoCoreError, OSError) as error:
                broken = error
            self._break_off()
        raise StorageFailed(_("the S3 storage breaks off in the middle of the archive, again and again")) from broken

    def _break_off(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


# --- Errors ----------------------------------------------------------------------------------------------------


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what boto3 raises into what went wrong and what to do, for people."""
    try:
        yield
    except ClientError as error:
        raise StorageFailed(_refusal(error)) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StorageFailed(
            _(
                "there is no access key for the S3 storage; set CONSOLE_S3_ACCESS_KEY_ID and "
                "CONSOLE_S3_SECRET_ACCESS_KEY"
            )
        ) from error
    except SSLError as error:
        raise StorageFailed(
            _("the certificate of the S3 storage is not trusted; check CONSOLE_S3_ENDPOINT_URL, or set AWS_CA_BUNDLE")
        ) from error
    except (HTTPClientError, NoConnection) as error:
        raise StorageFailed(
            _("the S3 storage does not answer; check CONSOLE_S3_ENDPOINT_URL and the network")
        ) from error
    except BotoCoreError as error:
        raise StorageFailed(_("the S3 storage cannot be used: %s") % type(error).__name__) from error


def _refusal(error: ClientError) -> str:
    code, status = _code(error), _status(error)
    if code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthFailure", "ExpiredToken", "InvalidToken"}:
        return _(
            "the S3 storage does not accept the access key; check CONSOLE_S3_ACCESS_KEY_ID and "
            "CONSOLE_S3_SECRET_ACCESS_KEY"
        )
    if code == "NoSuchBucket" or (status == 404 and error.operation_name == "HeadBucket"):
        return _("the S3 storage has no bucket of this name; check CONSOLE_S3_BUCKET")
    if code in {"AuthorizationHeaderMalformed", "PermanentRedirect"} or status == 301:
        return _("the bucket is in another region; check CONSOLE_S3_REGION")
    if code == "RequestTimeTooSkewed":
        return _("the clocks of this machine and of the S3 storage differ; set them right")
    if status == 403:
        return _(
            "the S3 storage does not allow %s; check CONSOLE_S3_ACCESS_KEY_ID and the permissions that README lists"
        ) % str(error.operation_name)
    if code == "SlowDown" or (status and status >= 500):
        return _("the S3 storage failed several times in a row (%s); try again when it is well") % (code or status)
    # Not the store's whole message: it may name what is nobody's business, and /readyz is for everybody.
    return _("the S3 storage refused %(operation)s: %(code)s") % {"operation": error.operation_name, "code": code}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int | None:
    return cast("int | None", error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
