"""Compare a backup of an existing deployment with only reading the same server; measure the agent's memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from instances.engines.base import Access
from instances.engines.deployment import moment
from tests.bench import data
from tests.bench.bench import Bench
from tests.bench.report import Row, megabytes, memory
from tests.deployments import Deployment

# The server takes long to read and to fill.
_MOST = 200.0


def rows(bench: Bench) -> Iterator[Row]:
    size = min(bench.size, _MOST)
    facts: dict[str, list[dict[str, Any]]] = {}
    with Deployment(bench.directory / "deployment") as deployment:
        with deployment.client() as client:
            data.fill(client, size)
        accesses = {
            "of one moment, by one transaction": deployment.access(ways=(moment.TRANSACTION,)),
            "not of one moment": deployment.access(any_moment=True),
        }
        for _ in range(bench.runs):
            facts.setdefault("", []).append(_once(deployment.access()))
            for how, access in accesses.items():
                facts.setdefault(how, []).append(_once(access, str(bench.empty("dump") / "backups")))
    alone = median(each["seconds"] for each in facts.pop(""))
    for how, runs in facts.items():
        seconds, dumped = median(each["seconds"] for each in runs), runs[0]["data_size"]
        what = f"Backup of a deployment, {megabytes(dumped)}, {how}"
        ours, theirs = (f"{dumped / each / 1e6:.1f} MB/s" for each in (seconds, alone))
        yield Row(what, ours, f"{theirs} (only read)", f"{alone / seconds:.2f}x", ">= 0.5x")
        yield memory(f"backup of a deployment, {how}", max(runs, key=lambda each: each["memory"]), "<= 120 MB")


def _once(access: Access, *place: str) -> dict[str, Any]:
    """Back up or read the deployment in a process of its own; return the output of dump_once."""
    command = [sys.executable, "-m", "tests.bench.dump_once", *place]
    output = subprocess.run(command, check=True, input=json.dumps(asdict(access)).encode(), stdout=subprocess.PIPE)
    facts: dict[str, Any] = json.loads(output.stdout)
    return facts
