"""Run as `python -m tests.bench.restore_once PLACE NAME DESTINATION`: unpacking one archive, and what it took, as JSON.

A process of its own, as the agent is one, so that its memory is the restore's; the time does not count its start, nor
finding out the digest, which the console has in the backup's row.
"""

import hashlib
import json
import sys
import time
from pathlib import Path

from django.conf import settings

settings.configure(USE_I18N=False)

from backups import archive  # noqa: E402
from instances.engine.inspection import Inspection  # noqa: E402
from tests.bench.storages import storage_at  # noqa: E402


def main(place: str, name: str, destination: Path) -> None:
    storage, digest = storage_at(place), hashlib.sha256()
    with storage.open(name) as file:
        while part := file.read(1024 * 1024):
            digest.update(part)
    memory = _memory("VmRSS")
    started = time.monotonic()
    with Inspection() as inspection:
        archive.unpack(
            storage,
            name,
            destination,
            sha256=digest.hexdigest(),
            progress=lambda done, total: None,
            unpacked=inspection.add,
        )
        unpacked = time.monotonic()
        inspection.finish(lambda: None)
    facts = {
        "seconds": time.monotonic() - started,
        "unpack_seconds": unpacked - started,
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
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
