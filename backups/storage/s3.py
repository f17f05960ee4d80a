"""Store backups in a bucket of S3 or of an S3-compatible store.

Django imports this module only if the settings choose it, because boto3 is slow to load.
"""

import os
import secrets
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import IO, Any, cast

from botocore.config import Config
from botocore.exceptions import ClientError
from django.core.files import File
from django.utils.http import content_disposition_header
from storages.backends.s3 import S3Storage

from backups.storage.base import require_flat
from backups.storage.identity import ID_NAME, IdentifiedStorage
from backups.storage.s3_errors import explained, status_of
from backups.storage.s3_transfer import CONTENT_TYPE, StoredObject, Upload, abort, md5
from console.text.messages import Message

_LINK_SECONDS = 600
# Write an object this often, to notice if the store no longer allows it. With versioning, each one stays as a version.
_PROVE_SECONDS = 3600.0

# Requests time out early while a user waits, but retry until the store has restarted while they move an archive.
_ASKING = Config(
    connect_timeout=5,
    read_timeout=15,
    retries={"mode": "standard", "total_max_attempts": 3},
    signature_version="s3v4",
    # Many other stores reject the checksums that boto3 adds by default. Upload adds a checksum to each part itself.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
_MOVING = Config(read_timeout=60, retries={"mode": "standard", "total_max_attempts": 8})


class BucketStorage(IdentifiedStorage, S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Objects in one bucket. Each becomes visible only when all its parts have arrived with matching checksums.

    Options: `bucket_name`, `location` (the prefix of all keys), `endpoint_url`, `region_name`, `access_key`,
    `secret_key` (None: boto3 looks for them), `addressing_style`, and those of IdentifiedStorage: with another prefix
    the bucket looks empty.
    """

    shared = True

    def __init__(
        self,
        addressing_style: str = "auto",
        remembered: str | os.PathLike[str] | None = None,
        expected: str = "",
        **options: Any,
    ) -> None:
        config = _ASKING.merge(Config(s3={"addressing_style": addressing_style}))
        # django-storages would read these from the environment by rules that differ from boto3's.
        options = {"access_key": None, "secret_key": None, "security_token": None, "session_profile": None, **options}
        S3Storage.__init__(self, client_config=config, querystring_expire=_LINK_SECONDS, **options)
        IdentifiedStorage.__init__(self, remembered, expected)
        self._connecting = threading.RLock()
        # The time.monotonic() at which free_space() writes an object again.
        self._prove_at = 0.0

    @property
    def connection(self) -> Any:
        """The connection that all threads share to save memory. They use only its client, which is thread-safe."""
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

    def read_id(self) -> str:
        with explained():
            try:
                found = self._client.get_object(**self._id_object)
            except self._client.exceptions.NoSuchKey:
                return ""
            return str(found["Body"].read().decode(errors="replace").strip())

    def write_id(self, fresh: str) -> str:
        with explained():
            try:
                self._put_id(fresh, IfNoneMatch="*")
            except ClientError as error:
                # Whatever failed, another process may have been faster.
                if found := self.read_id():
                    return found
                # 400 and 501: the store does not know the condition. 412: the object exists, but is empty.
                if status_of(error) not in {400, 412, 501}:
                    raise
                self._put_id(fresh)
        return self.read_id()

    def _put_id(self, id: str, **condition: str) -> None:
        # A bucket with Object Lock rejects an object without a checksum, and every store knows MD5.
        content = id.encode()
        self._client.put_object(**self._id_object, **condition, Body=content, ContentMD5=md5(content))

    def has(self, name: str) -> bool:
        require_flat(name)
        with explained():
            return bool(super().exists(name))

    def changed(self, remembered: Path) -> Message:
        return Message("s3.changed", file=remembered)

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    @property
    def _id_object(self) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(ID_NAME)}

    def exists(self, name: str) -> bool:
        if self.has(name):
            return True
        self.require_there()
        return False

    def size(self, name: str) -> int:
        require_flat(name)
        with self.missing_here(), explained():
            return int(super().size(name))

    def open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with self.missing_here():
            return super().open(name, mode)

    def delete(self, name: str) -> None:
        require_flat(name)
        self.require_there()
        with explained():
            super().delete(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with explained():
            folders, files = super().listdir(path)
        return folders, [name for name in files if name != ID_NAME]

    def discard_partial(self, name: str) -> None:
        client, key = self._client, self._key(name)
        with explained():
            for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket_name, Prefix=key):
                for upload in page.get("Uploads", ()):
                    if upload["Key"] == key:
                        abort(client, self.bucket_name, key, upload["UploadId"])

    def free_space(self) -> int | None:
        """Check that the bucket is the right one and writable; return None.

        Every hour, and after a failed upload, this writes the object with the id again. A multipart upload would prove
        the same, but remain in a store that does not allow AbortMultipartUpload.
        """
        known = self.require_there() or self.read_id()
        if time.monotonic() >= self._prove_at:
            with explained():
                self._put_id(known or secrets.token_hex(16))
            self._prove_at = time.monotonic() + _PROVE_SECONDS
        return None

    def link(self, name: str, saved_as: str) -> str:
        """Return a signed URL. A download has to begin within ten minutes, but may then take any length of time."""
        require_flat(name)
        shown = {
            "ResponseContentDisposition": content_disposition_header(True, saved_as),
            "ResponseContentType": CONTENT_TYPE,
        }
        with explained():
            return str(S3Storage.url(self, name, parameters=shown))

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        with explained():
            return File(cast(IO[bytes], StoredObject(self._mover, self.bucket_name, self._key(name))), name)

    def _save(self, name: str, content: "File[bytes]") -> str:
        self.require_there()
        try:
            with explained(), Upload(self._mover, self.bucket_name, self._key(name)) as upload:
                upload.send(content)
                if self.exists(name):
                    raise FileExistsError(f"{name} exists already.")
                upload.complete()
        except BaseException:
            self._prove_at = 0.0
            raise
        return name
