"""Store backups in a bucket of S3 or of an S3-compatible store.

Django imports this module only if the settings choose it, because boto3 is slow to load.
"""

import threading
from functools import cached_property
from typing import IO, Any, cast

from botocore.config import Config
from django.core.files import File
from django.utils.http import content_disposition_header
from storages.backends.s3 import S3Storage

from backups.storage.base import ArchiveStorage, require_flat
from backups.storage.s3_errors import explained
from backups.storage.s3_transfer import CONTENT_TYPE, StoredObject, Upload, abort

_LINK_SECONDS = 600

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


class BucketStorage(ArchiveStorage, S3Storage):  # type: ignore[misc]  # django-storages has no types
    """Objects in one bucket. Each becomes visible only when all its parts have arrived with matching checksums.

    Options: `bucket_name`, `location` (the prefix of all keys), `endpoint_url`, `region_name`, `access_key`,
    `secret_key` (None: boto3 looks for them) and `addressing_style`.
    """

    shared = True

    def __init__(self, addressing_style: str = "auto", **options: Any) -> None:
        config = _ASKING.merge(Config(s3={"addressing_style": addressing_style}))
        # django-storages would read these from the environment by rules that differ from boto3's.
        options = {"access_key": None, "secret_key": None, "security_token": None, "session_profile": None, **options}
        super().__init__(client_config=config, querystring_expire=_LINK_SECONDS, **options)
        self._connecting = threading.RLock()
        self._proved = False

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

    def exists(self, name: str) -> bool:
        require_flat(name)
        with explained():
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        require_flat(name)
        with explained():
            return int(super().size(name))

    def delete(self, name: str) -> None:
        require_flat(name)
        with explained():
            super().delete(name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        with explained():
            found: tuple[list[str], list[str]] = super().listdir(path)
            return found

    def discard_partial(self, name: str) -> None:
        client, key = self.connection.meta.client, self._key(name)
        with explained():
            for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket_name, Prefix=key):
                for upload in page.get("Uploads", ()):
                    if upload["Key"] == key:
                        abort(client, self.bucket_name, key, upload["UploadId"])

    def free_space(self) -> int | None:
        """Check that the bucket is writable; return None.

        The first call begins an upload; later calls only look up the bucket.
        """
        client = self.connection.meta.client
        proved, self._proved = self._proved, False
        with explained():
            if proved:
                client.head_bucket(Bucket=self.bucket_name)
            else:
                key = self._normalize_name("writable")
                begun = client.create_multipart_upload(Bucket=self.bucket_name, Key=key)
                abort(client, self.bucket_name, key, begun["UploadId"])
        self._proved = True
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
        with explained(), Upload(self._mover, self.bucket_name, self._key(name)) as upload:
            upload.send(content)
            if self.exists(name):
                raise FileExistsError(f"{name} exists already.")
            upload.complete()
        return name
