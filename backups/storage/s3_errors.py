"""Explain the errors of S3 to people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

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

from backups.storage.base import StorageFailed
from console.text.messages import Message


@contextmanager
def explained() -> Iterator[None]:
    """Turn any error of boto3 into StorageFailed, which says what went wrong and what to do."""
    try:
        yield
    except ClientError as error:
        raise StorageFailed(_refusal(error)) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StorageFailed(Message("s3.no_key")) from error
    except SSLError as error:
        raise StorageFailed(Message("s3.certificate")) from error
    except (HTTPClientError, NoConnection) as error:
        raise StorageFailed(Message("s3.unreachable")) from error
    except BotoCoreError as error:
        raise StorageFailed(Message("s3.unusable", name=type(error).__name__)) from error


def _refusal(error: ClientError) -> str:
    code, status = code_of(error), status_of(error)
    if code in {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthFailure", "ExpiredToken", "InvalidToken"}:
        return Message("s3.wrong_key")
    if code == "NoSuchBucket" or (status == 404 and error.operation_name == "HeadBucket"):
        return Message("s3.no_bucket")
    if code in {"AuthorizationHeaderMalformed", "PermanentRedirect"} or status == 301:
        return Message("s3.region")
    if code == "RequestTimeTooSkewed":
        return Message("s3.clock")
    if status == 403:
        return Message("s3.forbidden", operation=error.operation_name)
    if code == "SlowDown" or (status and status >= 500):
        return Message("s3.overloaded", code=code or status)
    # Leave out the store's message: it may contain secrets, and /readyz shows this sentence to everyone.
    return Message("s3.refused", operation=error.operation_name, code=code)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int | None:
    return cast("int | None", error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
