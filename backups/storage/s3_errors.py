"""What goes wrong with S3, explained to people."""

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
from console.text.sentences import sentence as _


@contextmanager
def explained() -> Iterator[None]:
    """Raise StorageFailed, which says what went wrong and what to do, for any error of boto3."""
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
            _("the S3 storage is not responding; check CONSOLE_S3_ENDPOINT_URL and the network")
        ) from error
    except BotoCoreError as error:
        raise StorageFailed(_("the S3 storage cannot be used: %s") % type(error).__name__) from error


def _refusal(error: ClientError) -> str:
    code, status = code_of(error), status_of(error)
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
        return _("the S3 storage failed several times in a row (%s); try again later") % (code or status)
    # Without the store's message: it may hold secrets, and /readyz shows this to everybody.
    return _("the S3 storage refused %(operation)s: %(code)s") % {"operation": error.operation_name, "code": code}


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int | None:
    return cast("int | None", error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
