"""Saves an object that does not end, until it is killed. Arguments: the server's address, the bucket, the name."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

from tests.s3 import Bucket


class Endless:
    at_most = 2**40

    def read(self, size: int) -> bytes:
        return bytes(8 * 1024 * 1024)

    def pulse(self) -> None:
        pass

    def seekable(self) -> bool:
        return False


def main(url: str, bucket: str, name: str) -> None:
    import django

    django.setup()
    Bucket(url, bucket).storage()._save(name, Endless())  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
