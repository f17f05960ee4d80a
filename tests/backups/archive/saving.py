"""Save an object, read it, and print the bytes of memory that this took; a test may kill the process midway.

Arguments: the server's address, the bucket, the name of the object, its megabytes.
"""

import io
import os
import re
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

from backups.storage.base import Streamed
from tests.s3 import Bucket

MEGABYTE = 1024 * 1024


class Zeros(io.RawIOBase):
    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self.left)
        buffer[:count] = bytes(count)
        self.left -= count
        return count


def most_memory() -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found.group(1)) * 1024


def main(url: str, bucket: str, name: str, megabytes: str) -> None:
    django.setup()
    storage = Bucket(url, bucket).storage()
    storage.free_space()
    size, before = int(megabytes) * MEGABYTE, most_memory()
    content = io.BufferedReader(Zeros(size), MEGABYTE)
    storage.save(name, Streamed(content, name, at_most=size, pulse=lambda: None))
    with storage.open(name) as file:
        while file.read(MEGABYTE):
            pass
    print(most_memory() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
