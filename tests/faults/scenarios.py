"""Combinations of faults and operations, and the ends that are allowed."""

import contextlib
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.bulk import fill
from tests.faults import checks, faults, mounts
from tests.faults.findings import Kind, require
from tests.faults.moments import Spans
from tests.faults.operations import (
    Backup,
    Create,
    DeleteBackup,
    DeleteInstance,
    Expire,
    Operation,
    RestoreNew,
    RestoreOriginal,
    Verify,
)
from tests.faults.site import LEASE_SECONDS, Site
from tests.faults.tally import Tally
from tests.waiting import wait_for

# Megabytes of documents, so that operations last long enough to be interrupted midway.
_BULK_MEGABYTES = 6
_RATE = 4_000_000
_HELD_SECONDS = 12.0
_READERS = (Verify, RestoreNew, RestoreOriginal)
# Name of the file, next to the home, that contains the error of the clock.
_CLOCK = "clock"

Fault = Callable[[Site], AbstractContextManager[None]]


@dataclass(frozen=True)
class Scenario:
    """`fault` meets each of the `operations` in turn, and ends when the operation has ended.

    The fault begins at a random moment of the operation, or before it if `first`. A failure must name `reason`; with
    `must_fail` no operation may succeed. `seconds` is how long the fault lasts, if it does not end with the operation.
    `around` is active during the whole scenario.
    """

    name: str
    fault: Fault
    operations: tuple[type[Operation], ...]
    reason: str = ""
    first: bool = False
    must_fail: bool = False
    seconds: float = 0.0
    around: Fault = lambda site: contextlib.nullcontext()
    refusal: Callable[[], str] = lambda: ""
    environment: Callable[[Path], dict[str, str]] = lambda directory: {}


def _full(folder: str) -> Fault:
    return lambda site: mounts.full(site.home / folder)


def _away(site: Site) -> AbstractContextManager[None]:
    folder = site.home / "backups"
    return faults.missing(folder) if mounts.refusal() else mounts.unmounted(folder)


def _damaged(damage: Callable[[Path], None]) -> Fault:
    """Return a fault that damages all archives of the first subject."""

    def fault(site: Site) -> AbstractContextManager[None]:
        archives = [site.home / "backups" / f"{backup.id}.tar.zst" for backup in site.subjects[0].backups]
        return faults.damaged(archives, damage)

    return fault


def _clock(hours: float) -> Fault:
    return lambda site: faults.clock(site.home.with_name(_CLOCK), hours)


SCENARIOS = (
    Scenario(
        "disk full under the database server",
        _full("instances"),
        (Backup,),
        reason="space|not responding|ended",
        seconds=3.0,
        refusal=mounts.refusal,
    ),
    Scenario(
        "disk full in a verification", _full("staging"), (Verify,), reason="free|[Mm]ake room", refusal=mounts.refusal
    ),
    Scenario(
        "disk full in the archive", _full("backups"), (Backup,), reason="free|[Mm]ake room", refusal=mounts.refusal
    ),
    Scenario(
        "disk full in a restore",
        _full("instances"),
        (RestoreNew, RestoreOriginal, Create),
        reason="free|[Mm]ake room",
        refusal=mounts.refusal,
    ),
    Scenario(
        "disk of the console database full",
        _full(""),
        (Backup, RestoreOriginal, DeleteInstance, DeleteBackup),
        seconds=4.0,
        refusal=mounts.refusal,
    ),
    Scenario("a bit of the archive flipped", _damaged(faults.flip_a_bit), _READERS, "SHA-256", True, True),
    Scenario("archive cut short", _damaged(faults.cut_short), _READERS, "SHA-256", True, True),
    Scenario("archive unreadable", _damaged(faults.make_unreadable), _READERS, "could not be read", True, True),
    Scenario("archive missing", _damaged(faults.remove), _READERS, "missing", True, True),
    Scenario(
        "storage read-only",
        lambda site: mounts.read_only(site.home / "backups"),
        (Backup, DeleteBackup, Expire),
        "Read-only",
        True,
        True,
        refusal=mounts.refusal,
    ),
    Scenario("storage not there", _away, (Backup, DeleteBackup, RestoreNew), "storage", True, True),
    # Expired backups wait until the storage is there again.
    Scenario("storage not there for a while", _away, (Expire,), first=True, seconds=3.0),
    Scenario(
        "console database locked",
        lambda site: faults.locked(site.home / "console.sqlite3"),
        (Backup, RestoreNew, RestoreOriginal, DeleteInstance, DeleteBackup),
        # Longer than the lease.
        seconds=LEASE_SECONDS + 3,
    ),
    Scenario(
        "agent stopped for longer than its lease",
        lambda site: faults.stopped(site.pid_of("manage.py agent")),
        (Backup, RestoreOriginal, RestoreNew),
        reason="The agent stopped",
        around=faults.another_agent,
    ),
    *(
        Scenario(
            f"clock {hours:+} hours",
            _clock(hours),
            (Backup, RestoreNew, RestoreOriginal, Expire),
            environment=lambda directory: faults.right_clock(directory / _CLOCK),
        )
        for hours in (7, -7)
    ),
)


def run(directory: Path, tally: Tally, chosen: list[Scenario], *, seed: int, rounds: int) -> None:
    """Do every operation of every scenario `rounds` times; 0: one operation of each scenario, drawn from the seed."""
    left = list(chosen)
    while left:
        environment = left[0].environment(directory)
        with _site(directory / f"faults-{len(left)}", environment) as site:
            spans = Spans(site)
            while left and left[0].environment(directory) == environment:
                scenario = left.pop(0)
                draw = random.Random(f"{seed}/{scenario.name}")
                kinds = scenario.operations * rounds if rounds else (draw.choice(scenario.operations),)
                # Start a new console after a finding, so that its consequences are not counted again.
                if not all(_counted(site, tally, scenario, kind, spans, draw) for kind in kinds):
                    break


@contextlib.contextmanager
def _site(home: Path, environment: dict[str, str]) -> Iterator[Site]:
    """Start a console on small disks, one for each kind of file, with slow backups."""
    with contextlib.ExitStack() as disks:
        if not mounts.refusal():
            for folder in (home, home / "instances", home / "staging", home / "backups"):
                disks.enter_context(mounts.disk(folder, megabytes=256))
        site = Site(
            home, subjects=1, with_deployment=False, **{"CONSOLE_BACKUP_BYTES_PER_SECOND": str(_RATE)} | environment
        )
        try:
            with site:
                fill(site.subjects[0].port, megabytes=_BULK_MEGABYTES)
                site.make_backup(site.subjects[0], "bulky")
                site.remove_backup(site.subjects[0].backups.pop(0).id)
                yield site
        finally:
            site.kill_all()


def _counted(
    site: Site, tally: Tally, scenario: Scenario, kind: type[Operation], spans: Spans, rng: random.Random
) -> bool:
    """Do one fault with all its checks; return False after a finding."""
    where = f"{scenario.name} in {kind.kind}"

    def work() -> None:
        moment = 0.0 if scenario.first else rng.uniform(0, spans.of(kind, site.subjects[0]))
        operation = kind(site, site.subjects[0])
        server = site.server_of(operation.subject.id)
        seconds = _meet(site, scenario, operation, moment)
        tally.ended(scenario.name, where, [operation], seconds)
        if scenario.must_fail:
            require(operation.failed, Kind.BROKEN, f"it did not fail: {operation.kind}")
            require(site.server_of(operation.subject.id) == server, Kind.BROKEN, "the server was stopped")
        if operation.failed:
            require(re.search(scenario.reason, operation.reason), Kind.BROKEN, f"it does not say {scenario.reason!r}")
        checks.everything(site)
        checks.require_next(site, site.subjects[0], f"after-{operation.name}")

    return tally.judge(site, scenario.name, where, work)


def _meet(site: Site, scenario: Scenario, operation: Operation, moment: float) -> float:
    """Begin the operation, break something a moment later, repair it; return the seconds from the repair until rest."""
    operation.prepare()
    busy = [] if operation.quiet else [operation.subject]
    with scenario.around(site), site.writing(busy):
        if not scenario.first:
            operation.begin()
            time.sleep(moment)
        with scenario.fault(site):
            if scenario.first:
                operation.begin()
            _endure(site, scenario.seconds, operation)
        mended = time.monotonic()
        wait_for(lambda: not operation.under_way(), because="the beginning of the operation")
        checks.rest(site)
    return time.monotonic() - mended


def _endure(site: Site, seconds: float, operation: Operation) -> None:
    """Wait until the operation has ended and that many seconds have passed; pages must be answered meanwhile."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < _HELD_SECONDS:
        for page in ("/instances/", "/backups/", "/tasks/"):
            answer = site.get(page)
            require(answer.status in (200, 503), Kind.BROKEN, f"{page} answered {answer.status}")
        if passed > seconds and (seconds or not (operation.under_way() or checks.working(site))):
            return
        time.sleep(0.2)
