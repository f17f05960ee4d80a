"""Measure how long operations take without faults, so that faults can strike at random moments within that time."""

import time
from collections.abc import Sequence

from tests.faults import checks
from tests.faults.findings import Kind, require
from tests.faults.operations import COMPLETED, Operation
from tests.faults.site import REST_SECONDS, Site, Subject
from tests.waiting import wait_for


class Spans:
    """The seconds from request to end for each kind of operation on each subject; measured on first use."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._seconds: dict[tuple[str, str], float] = {}

    def of(self, kind: type[Operation], subject: Subject) -> float:
        measured = kind.kind, subject.id
        if measured not in self._seconds:
            self._seconds[measured] = self._measure(kind(self.site, subject))
        return self._seconds[measured]

    def _measure(self, operation: Operation) -> float:
        operation.prepare()
        began = time.monotonic()
        operation.begin()
        wait_until_ended(self.site, [operation])
        seconds = time.monotonic() - began
        checks.rest(self.site)
        ended = operation.conclude()
        require(ended == COMPLETED, Kind.BROKEN, f"{operation.kind} {ended} although nothing is broken")
        return seconds


def wait_until_ended(site: Site, operations: Sequence[Operation]) -> None:
    wait_for(
        lambda: not any(operation.under_way() for operation in operations) and not checks.working(site),
        seconds=REST_SECONDS,
        because="the end of the operations",
    )
