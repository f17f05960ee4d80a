"""Run as `python -m tests.bench.backup_once DATA_DIR STAGING PLACE`: one backup, and what it took, as JSON.

A process of its own, as the agent is one, so that its memory is the backup's; the time does not count its start.
"""

import json
import sys
import time
from pathlib import Path

from django.conf import settings

settings.configure(USE_I18N=False)

from backups import archive  # noqa: E402
from instances.engine.snapshot import snapshot  # noqa: E402
from tests.bench.storages import NAME, storage_at  # noqa: E402


def main(data_dir: Path, staging: Path, place: str) -> None:
    memory = _memory("VmRSS")
    began, started = time.time(), time.monotonic()
    taken = snapshot(data_dir, staging, progress=lambda progress: None)
    copied = time.monotonic()
    written = archive.write(
        storage_at(place),
        NAME,
        archive.Manifest(
            backup_id=NAME.partition(".")[0],
            backup_name="bench",
            instance_id="0123456789abcdef0123456789abcdefin02",
            instance_name="bench",
            instance_type="Single",
            engine="nx-27017",
            engine_version="0.8.1",
            cut_at=taken.cut_at,
            databases=tuple(map(archive.Database.of, taken.databases)),
        ),
        {copy.name: copy.path for copy in taken.databases},
        progress=lambda read, size: None,
    )
    ended = time.monotonic()
    facts = {
        "began": began,
        "ended": time.time(),
        "seconds": ended - started,
        "snapshot_seconds": copied - started,
        "cut_at": taken.cut_at.timestamp(),
        "pause_seconds": taken.pause_seconds,
        "size": written.size,
        "memory_growth": _memory("VmHWM") - memory,
    }
    print(json.dumps(facts))


def _memory(field: str) -> int:
    """Bytes of this process in memory: VmRSS now, VmHWM at most so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
