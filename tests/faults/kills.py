"""kill -9 of each part of the console at random moments of each operation."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults import checks
from tests.faults.moments import Spans, wait_until_ended
from tests.faults.operations import OPERATIONS, Operation
from tests.faults.site import Site
from tests.faults.tally import Tally

TARGETS = ("agent", "web", "database server", "up")
# Each kill hits this many operations, each at its own moment: one on an instance, one on an existing deployment.
AT_ONCE = 2
# The web server has finished an operation once it has answered.
_ANSWER_SECONDS = 0.2


def run(directory: Path, tally: Tally, *, kills: int, seed: int) -> None:
    """Kill that many times. Start a new console after each finding, so that its consequences are not counted again."""
    number = 0
    while number < kills:
        home = directory / f"kills-{number}"
        with _site(home) as site:
            spans = Spans(site)
            while number < kills:
                number += 1
                if not _counted(site, tally, number, spans, random.Random(f"{seed}/{number}")):
                    break


@contextlib.contextmanager
def _site(home: Path) -> Iterator[Site]:
    site = Site(home, subjects=AT_ONCE - 1, with_deployment=True)
    try:
        with site:
            yield site
    finally:
        site.kill_all()


def _counted(site: Site, tally: Tally, number: int, spans: Spans, rng: random.Random) -> bool:
    """Do one kill with all its checks; return False after a finding."""
    # 4 and 7 have no common divisor, so 28 kills kill every part during every operation.
    target = TARGETS[number % len(TARGETS)]
    kinds = [OPERATIONS[(number + 3 * other) % len(OPERATIONS)] for other in range(AT_ONCE)]
    fault, where = f"kill {target}", f"kill {number} ({target} in {', '.join(kind.kind for kind in kinds)})"
    tally.kills += 1

    def work() -> None:
        operations = [kind(site, subject) for kind, subject in zip(kinds, site.subjects, strict=True)]
        seconds = _kill(site, target, operations, spans, rng)
        tally.ended(fault, where, operations, seconds)
        checks.everything(site)
        checks.require_next(site, rng.choice(site.subjects), f"after-{number}")

    return tally.judge(site, fault, where, work)


def _kill(site: Site, target: str, operations: list[Operation], spans: Spans, rng: random.Random) -> float:
    """Start the operations so that the kill hits each at its moment; return the seconds until rest."""
    most = [
        _ANSWER_SECONDS if target == "web" else spans.of(type(operation), operation.subject) for operation in operations
    ]
    for operation in operations:
        operation.prepare()
    moments = [rng.uniform(0, seconds) for seconds in most]
    began = time.monotonic() + max(moments)
    busy = [operation.subject for operation in operations if not operation.quiet]
    with site.writing(busy), ThreadPoolExecutor(len(operations)) as pool:
        asked = [
            pool.submit(_begin_at, operation, began - moment)
            for operation, moment in zip(operations, moments, strict=True)
        ]
        time.sleep(max(0.0, began - time.monotonic()))
        killed = time.monotonic()
        _kill_target(site, target, operations, rng)
        for one in asked:
            one.result()
        wait_until_ended(site, operations)
        checks.rest(site)
        return time.monotonic() - killed


def _begin_at(operation: Operation, moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
    operation.begin()


def _kill_target(site: Site, target: str, operations: list[Operation], rng: random.Random) -> None:
    pids = site.pids()
    if target == "up":
        site.process.kill()
        site.process.wait()
        site.start_again(set(pids))
        return
    if target == "database server":
        working = [pid for operation in operations if (pid := site.server_of(operation.victim))]
        servers = working or [pid for pid, line in pids.items() if checks.SERVER in line]
        victim = rng.choice(sorted(servers))
    elif target == "web":
        main = site.pid_of("console.processes.web_server")
        # The main process or one of its workers.
        victim = rng.choice(sorted(pid for pid in pids if _group(pid) == main) or [main])
    else:
        victim = site.pid_of("manage.py agent")
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
