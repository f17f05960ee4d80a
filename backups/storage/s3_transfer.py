"""Move archives to and from S3: the multipart upload, and the object that is read as a stream."""

import base64
import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from backups.storage.base import StorageFailed
from backups.storage.s3_errors import code_of, explained, status_of
from console.text.messages import Message

CONTENT_TYPE = "application/zstd"
_MEGABYTE = 1024 * 1024
# S3 allows at most this many parts. With parts of this size, an archive of up to 80 GB fits into them.
_PARTS = 10_000
_PART_SIZE = 8 * _MEGABYTE
# The number of parts sent at the same time. Memory holds these and the part that is being read.
_PARALLEL = 3
_PULSE_SECONDS = 0.5
# Seconds to pause before each attempt to read. If the last attempt gets no bytes, reading fails.
_READ_PAUSES = (0, 0.2, 1, 4, 10)
# The error codes of stores that do not support SHA-256 checksums. The code of an answer to HEAD is its status.
_NO_SHA256 = {"InvalidArgument", "InvalidRequest", "NotImplemented", "400", "501"}


class _GivenUp(BaseException):
    """Raised to stop sending a part. It is not an Exception, because botocore would retry after an Exception."""


class _Part(io.BytesIO):
    """The body of a part's request. Reading it raises _GivenUp after an error in the upload."""

    def __init__(self, content: bytes, unwanted: threading.Event) -> None:
        super().__init__(content)
        self._unwanted = unwanted

    def read(self, size: int | None = -1) -> bytes:
        if self._unwanted.is_set():
            raise _GivenUp
        return super().read(size)


class Upload:
    """One multipart upload. As a context manager it aborts on an exception, which removes the parts from the store."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._object = {"Bucket": bucket, "Key": key}
        self._size = 0
        self._sending: set[Future[None]] = set()
        self._knows_sha256 = True
        # The digest and the ETag of each part, by the part's number.
        self._sent: dict[int, tuple[bytes, str]] = {}
        self._unwanted = threading.Event()

    def __enter__(self) -> "Upload":
        self._upload = self._begin()
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="upload")
        return self

    def __exit__(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        if error:
            self._unwanted.set()
        # Wait for the parts being sent: a part that arrives after the abort would stay in the bucket.
        self._pool.shutdown(cancel_futures=True)
        if error:
            try:
                self._abort()
            except (BotoCoreError, ClientError) as second:
                error.add_note(f"The upload of {self._object['Key']} could not be aborted: {second}")

    def _begin(self) -> dict[str, str]:
        """Begin with SHA-256 checksums. If the store does not know them, _put() gives each part an MD5 instead."""
        wanted = {**self._object, "ContentType": CONTENT_TYPE}
        begun = None
        with self._ignoring_no_sha256():
            begun = self._client.create_multipart_upload(
                **wanted, **({"ChecksumAlgorithm": "SHA256"} if self._knows_sha256 else {})
            )
        begun = begun or self._client.create_multipart_upload(**wanted)
        return {**self._object, "UploadId": begun["UploadId"]}

    def _abort(self) -> None:
        abort(self._client, self._object["Bucket"], self._object["Key"], self._upload["UploadId"])

    @contextmanager
    def _ignoring_no_sha256(self) -> Iterator[None]:
        """Ignore the error of a store that does not know SHA-256 checksums, and do without them from now on."""
        try:
            yield
        except ClientError as error:
            if not self._knows_sha256 or code_of(error) not in _NO_SHA256:
                raise
            self._knows_sha256 = False

    def send(self, content: Any) -> None:
        """Send the content in parts, while the caller's thread reads the next part."""
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
            # The first part shows whether the store knows SHA-256 checksums, so no other part is sent beside it.
            self._wait(0 if number == 2 else _PARALLEL - 1, pulse)
            self._sending.add(self._pool.submit(self._send, number, part))
            part = content.read(size)
        self._wait(0, pulse)

    def complete(self) -> None:
        """Make the object visible, and compare its size and checksum with what was sent."""
        sent = sorted(self._sent.items())
        try:
            self._complete(sent)
        except self._client.exceptions.NoSuchUpload:
            # If the first attempt succeeded but its answer was lost, the retry gets this. Check the object below.
            pass
        found = self._head()
        # Some stores keep no checksums.
        whole = _base64(hashlib.sha256(b"".join(digest for _number, (digest, _tag) in sent)).digest())
        kept = found.get("ChecksumSHA256", whole).partition("-")[0]
        if found["ContentLength"] != self._size or kept != whole:
            self._client.delete_object(**self._object)
            raise StorageFailed(Message("s3.differs"))

    def _complete(self, sent: list[tuple[int, tuple[bytes, str]]]) -> None:
        with self._ignoring_no_sha256():
            parts = [{"PartNumber": number, "ETag": tag, **self._checksum(digest)} for number, (digest, tag) in sent]
            self._client.complete_multipart_upload(**self._upload, MultipartUpload={"Parts": parts})
            return
        parts = [{"PartNumber": number, "ETag": tag} for number, (_digest, tag) in sent]
        self._client.complete_multipart_upload(**self._upload, MultipartUpload={"Parts": parts})

    def _head(self) -> Any:
        with self._ignoring_no_sha256():
            return self._client.head_object(
                **self._object, **({"ChecksumMode": "ENABLED"} if self._knows_sha256 else {})
            )
        return self._client.head_object(**self._object)

    def _send(self, number: int, part: bytes) -> None:
        if number == 1:
            with self._ignoring_no_sha256():
                return self._put(number, part)
            # Some stores do not know SHA-256 checksums, but say so only now.
            with suppress(ClientError):
                self._abort()
            self._upload = self._begin()
        return self._put(number, part)

    def _put(self, number: int, part: bytes) -> None:
        digest = hashlib.sha256(part).digest()
        compared = self._checksum(digest) or {"ContentMD5": md5(part)}
        answer = self._client.upload_part(
            **self._upload, **compared, PartNumber=number, Body=_Part(part, self._unwanted)
        )
        self._sent[number] = (digest, answer["ETag"])

    def _checksum(self, digest: bytes) -> dict[str, str]:
        return {"ChecksumSHA256": _base64(digest)} if self._knows_sha256 else {}

    def _wait(self, most: int, pulse: Callable[[], None]) -> None:
        """Wait until at most `most` parts are being sent. Raises the error of a part that failed."""
        while len(self._sending) > most:
            done, self._sending = wait(self._sending, _PULSE_SECONDS, FIRST_COMPLETED)
            for future in done:
                future.result()
            if not done:
                pulse()


def abort(client: Any, bucket: str, key: str, upload: str) -> None:
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    except client.exceptions.NoSuchUpload:
        pass


def md5(content: bytes) -> str:
    """Return the value of the header Content-MD5."""
    return _base64(hashlib.md5(content, usedforsecurity=False).digest())


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


class StoredObject(io.RawIOBase):
    """An object that is read as a stream. If the connection breaks, reading resumes where it stopped."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client, self._object = client, {"Bucket": bucket, "Key": key}
        try:
            found = client.head_object(**self._object)
        except ClientError as error:
            if status_of(error) == 404:
                raise FileNotFoundError(key) from error
            raise
        self.size: int = found["ContentLength"]
        # Read all bytes from this version, even if the object is replaced meanwhile.
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
        with explained():
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
        raise StorageFailed(Message("s3.breaks_off")) from broken

    def _break_off(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
