"""Make one backup and print its figures as JSON: `python -m tests.bench.backup_once HOME PORT PLACE`.

Runs in its own process with everything that the agent loads, so that its memory equals the agent's. The time excludes
the start of the process.
"""

import json
import sys
import time
from pathlib import Path

import django

django.setup()

from backups import archive  # noqa: E402
from instances.engines import embedded  # noqa: E402
from instances.engines.base import Server  # noqa: E402
from tests.bench.processes import memory  # noqa: E402
from tests.bench.storages import NAME, storage_at  # noqa: E402


def main(server: Server, place: str) -> None:
    facts, storage, before = embedded().facts(server), storage_at(place), memory()
    began, started = time.time(), time.monotonic()
    with embedded().backup(server) as cut:
        opened = time.monotonic()
        manifest = archive.Manifest(
            backup_id=NAME.partition(".")[0],
            backup_name="bench",
            instance_id="0123456789abcdef0123456789abcdefin02",
            instance_name="bench",
            instance_type="ReplicaSet",
            engine=facts.engine,
            engine_version=facts.engine_version,
            compatible_version=facts.compatible_version,
            storage_engine=facts.storage_engine,
            method=embedded().method,
            cut_at=cut.at,
            members=tuple(archive.Entry(member.name, member.size) for member in cut.members),
        )
        written = archive.write(storage, NAME, manifest, cut.members, cut.contents, progress=lambda read, written: None)
    ended = time.monotonic()
    print(
        json.dumps(
            {
                "began": began,
                "ended": time.time(),
                "seconds": ended - started,
                "open_seconds": opened - started,
                "pause_seconds": cut.pause_seconds,
                "cut_bytes": cut.bytes,
                "size": written.size,
                "memory": memory(peak=True),
                "memory_growth": memory(peak=True) - before,
            }
        )
    )


if __name__ == "__main__":
    main(Server(int(sys.argv[2]), Path(sys.argv[1])), sys.argv[3])
