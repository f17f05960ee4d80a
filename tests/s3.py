"""S3 servers for tests: moto in this process or its own, always on the loopback interface."""

import io
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from backups.storage.s3 import BucketStorage
from console.testing.ports import free_port
from tests.waiting import wait_for

KEY, SECRET, REGION = "console", "correct-horse", "eu-north-1"

# Handles a request: returns None to let it through, or the status and body of the answer.
Fault = Callable[["Request"], "tuple[str, bytes] | None"]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    # In upper case as in WSGI: HTTP_X_AMZ_...
    headers: frozenset[str]

    @property
    def is_part(self) -> bool:
        return self.method == "PUT" and "partNumber" in self.query


@dataclass
class Bucket:
    """A bucket and its contents, seen by a client other than the console's."""

    url: str
    name: str
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        config = Config(
            signature_version="s3v4", retries={"total_max_attempts": 1}, response_checksum_validation="when_required"
        )
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=config,
        )
        try:
            self.client.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        except self.client.exceptions.BucketAlreadyOwnedByYou:
            pass

    def storage(self, **options: Any) -> BucketStorage:
        return BucketStorage(
            **{
                "bucket_name": self.name,
                "location": "console/",
                "endpoint_url": self.url,
                "region_name": REGION,
                "access_key": KEY,
                "secret_key": SECRET,
                **options,
            }
        )

    @property
    def environment(self) -> dict[str, Any]:
        """Return the environment of a console that keeps its archives in this bucket."""
        return {
            "CONSOLE_S3_BUCKET": self.name,
            "CONSOLE_S3_PREFIX": "console/",
            "CONSOLE_S3_ENDPOINT_URL": self.url,
            "CONSOLE_S3_REGION": REGION,
            "CONSOLE_S3_ACCESS_KEY_ID": KEY,
            "CONSOLE_S3_SECRET_ACCESS_KEY": SECRET,
        }

    @property
    def place(self) -> str:
        """Return the address of the server and the bucket as one string, <url>/<bucket>."""
        return f"{self.url}/{self.name}"

    def empty(self) -> None:
        for key in self.objects():
            self.client.delete_object(Bucket=self.name, Key=key)

    def objects(self) -> list[str]:
        """Return the keys of the visible objects."""
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=self.name).get("Contents", ())]

    def uploads(self) -> list[str]:
        """Return the keys of uploads that are neither completed nor aborted."""
        return [found["Key"] for found in self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", ())]

    def content(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content


class Faulty:
    """moto in this process, behind a proxy that records the requests and can answer in place of moto."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.fault: Fault = lambda request: None
        # Bytes of each body to send before the connection breaks, one entry per answer; None sends the whole body.
        self.cuts: list[int | None] = []
        # Changes the body of a request before moto gets it.
        self.spoil: Callable[[Request, bytes], bytes] | None = None
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = frozenset(name for name in environ if name.startswith("HTTP_"))
        request = Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", ""), headers)
        self.requests.append(request)
        if answer := self.fault(request):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            status, body = answer
            start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        if self.spoil:
            self._spoil(environ, request)
        sent: Iterable[bytes] = self._moto(environ, start_response)
        if request.method == "GET" and self.cuts and (cut := self.cuts.pop(0)) is not None:
            return [b"".join(sent)[:cut]]
        return sent

    def _spoil(self, environ: dict[str, Any], request: Request) -> None:
        assert self.spoil
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(self.spoil(request, body))

    @contextmanager
    def serving(self) -> Iterator[str]:
        server = make_server("127.0.0.1", 0, self, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def failure(code: str) -> bytes:
    """Return the body of an error answer."""
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>It is a test.</Message></Error>".encode()


@contextmanager
def moto_process(**environment: str) -> Iterator[str]:
    """Run moto's server in its own process; yield its address."""
    with moto_server(**environment) as (url, _process):
        yield url


@contextmanager
def moto_server(**environment: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Run moto's server in its own process; yield its address and the process, for tests that stop it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _answers(url), because="the start of moto's server")
        yield url, process
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/", timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
