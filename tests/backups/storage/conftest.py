"""Fixtures for the tests of the bucket: a server of S3 whose answers can be faulty."""

import uuid
from collections.abc import Iterator

import pytest
from botocore.retries.standard import ExponentialBackoff

from backups.storage import s3_transfer
from backups.storage.s3 import BucketStorage
from tests.s3 import Bucket, Faulty


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Faulty, str]]:
    faulty = Faulty()
    with faulty.serving() as url:
        yield faulty, url


@pytest.fixture
def faulty(server: tuple[Faulty, str], monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """Reset the server to its normal answers; remove the pauses between retries."""
    found = server[0]
    found.fault, found.spoil, found.cuts = lambda request: None, None, []
    found.requests.clear()
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda self, context: 0)
    monkeypatch.setattr(s3_transfer, "_READ_PAUSES", (0, 0, 0))
    return found


@pytest.fixture
def bucket(server: tuple[Faulty, str], faulty: Faulty) -> Bucket:
    return Bucket(server[1], f"b-{uuid.uuid4().hex[:20]}")


@pytest.fixture
def storage(bucket: Bucket) -> BucketStorage:
    return bucket.storage()
