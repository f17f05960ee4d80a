"""Unpack an archive, print the figures as JSON: `python -m tests.bench.restore_once PLACE NAME DESTINATION`.

Runs in its own process with everything that the agent loads, so that its memory equals the agent's. The time excludes
the start and computing the digest, which the console has in the backup's row.
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
