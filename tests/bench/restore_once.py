"""Run as `python -m tests.bench.restore_once PLACE NAME DESTINATION`: unpacking one archive, and what it took, as JSON.

A process of its own with all that the agent has loaded, so that its memory is the agent's; the time does not count
its start, nor finding out the digest, which the console has in the backup's row.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

import django

django.setup()

from backups import archive  # noqa: E402
from tests.bench.processes import memory  # noqa: E402
from tests.bench.storages import storage_at  # noqa: E402


def main(place: str, name: str, destination: Path) -> None:
    storage, digest = storage_at(place), hashlib.sha256()
    with storage.open(name) as file:
        while part := file.read(1024 * 1024):
            digest.update(part)
    before, started = memory(), time.monotonic()
    archive.unpack(storage, name, destination, sha256=digest.hexdigest(), progress=lambda done, total: None)
    seconds = time.monotonic() - started
    print(json.dumps({"seconds": seconds, "memory": memory(peak=True), "memory_growth": memory(peak=True) - before}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
