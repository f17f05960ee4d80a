"""Back up a deployment once, or only read it, and print the figures as JSON: `python -m tests.bench.dump_once PLACE`.

The Access comes as JSON on the standard input. Without a PLACE, all documents are read in raw batches, one collection
after another, and thrown away. Runs in its own process with everything that the agent loads, so that its memory equals
the agent's. The time excludes the start of the process.
"""

import json
import sys
import time

import django

django.setup()

from backups import archive  # noqa: E402
from instances.engines import deployment  # noqa: E402
from instances.engines.base import Access  # noqa: E402
from instances.engines.deployment.connect import connected  # noqa: E402
from tests.bench.data import DATABASES  # noqa: E402
from tests.bench.processes import memory  # noqa: E402
from tests.bench.storages import NAME, storage_at  # noqa: E402


def back_up(access: Access, place: str) -> tuple[int, int]:
    """Return the bytes of the dump and of its archive."""
    with deployment().backup(access) as cut:
        manifest = archive.Manifest(
            backup_id=NAME.partition(".")[0],
            backup_name="bench",
            instance_id="0123456789abcdef0123456789abcdefin02",
            instance_name="bench",
            instance_type="ReplicaSet",
            engine="MongoDB",
            engine_version="8.0.0",
            compatible_version="8.0.0",
            storage_engine="wiredTiger",
            method=deployment().method,
            cut_at=cut.at,
            members=None,
            consistency=cut.consistency,
        )
        written = archive.write(
            storage_at(place),
            NAME,
            manifest,
            cut.members,
            cut.contents,
            progress=lambda read, written: None,
            expected_bytes=cut.expected_bytes,
        )
    return written.data_size, written.size


def read(access: Access) -> tuple[int, int]:
    with connected(access) as client:
        size = sum(len(batch) for name in DATABASES for batch in client[name]["documents"].find_raw_batches())
    return size, 0


def main(place: str) -> None:
    access = Access(**json.load(sys.stdin))
    before = memory()
    started = time.monotonic()
    data_size, size = back_up(access, place) if place else read(access)
    seconds = time.monotonic() - started
    peak = memory(peak=True)
    facts = {"seconds": seconds, "data_size": data_size, "size": size, "memory": peak, "memory_growth": peak - before}
    print(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
