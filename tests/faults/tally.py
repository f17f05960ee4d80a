"""The counts of a run, and the tables that it prints."""

import statistics
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.faults.findings import Finding, Kind
from tests.faults.operations import COMPLETED, FAILED, NOT_BEGUN, Operation
from tests.faults.site import Site
from tests.table import table

_COUNTED = {Kind.LOST: "lost", Kind.STUCK: "stuck", Kind.ORPHAN: "orphans", Kind.BROKEN: "other"}


@dataclass
class Line:
    """One kind of fault: how often it occurred, how operations ended, and the seconds until the console was at rest."""

    times: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    findings: Counter[Kind] = field(default_factory=Counter)
    rests: list[float] = field(default_factory=list)


@dataclass
class Tally:
    faults: dict[str, Line] = field(default_factory=dict)
    operations: dict[str, Counter[str]] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    documents: int = 0
    kills: int = 0

    def line(self, fault: str) -> Line:
        return self.faults.setdefault(fault, Line())

    def judge(self, site: Site, fault: str, where: str, work: Callable[[], None]) -> bool:
        """Count one fault, which `work` does with all its checks; return False after a finding."""
        before = site.documents
        self.line(fault).times += 1
        try:
            work()
        except Finding as finding:
            self._found(fault, where, finding)
        except AssertionError as error:
            # wait_for() timed out.
            self._found(fault, where, Finding(Kind.STUCK, str(error)))
        except Exception as error:
            traceback.print_exc()
            self._found(fault, where, Finding(Kind.BROKEN, repr(error)))
        else:
            return True
        finally:
            self.documents += site.documents - before
        return False

    def ended(self, fault: str, where: str, operations: Sequence[Operation], seconds: float) -> None:
        """Count how the operations ended that the fault met, and the seconds until the console was at rest."""
        line, ways = self.line(fault), [operation.conclude() for operation in operations]
        line.rests.append(seconds)
        for operation, way in zip(operations, ways, strict=True):
            line.ended[way] += 1
            self.operations.setdefault(operation.kind, Counter())[way] += 1
        reasons = "; ".join(sorted({operation.reason for operation in operations} - {""}))
        print(f"{where}: {', '.join(ways)}; {seconds:.1f} s; {reasons}", flush=True)

    def _found(self, fault: str, where: str, finding: Finding) -> None:
        self.line(fault).findings[finding.kind] += 1
        self.findings.append(f"{where}: {finding}")
        print(self.findings[-1], flush=True)

    def report(self) -> list[str]:
        ways = (COMPLETED, FAILED, NOT_BEGUN)
        faults = [
            [
                *(name, str(line.times), *(str(line.ended[way]) for way in ways)),
                *(str(line.findings[kind]) for kind in _COUNTED),
                f"{statistics.median(line.rests):.1f}, {max(line.rests):.1f}" if line.rests else "",
            ]
            for name, line in self.faults.items()
        ]
        operations = [
            [name, str(counts.total()), *(str(counts[way]) for way in ways)] for name, counts in self.operations.items()
        ]
        totals = [sum(line.findings[kind] for line in self.faults.values()) for kind in _COUNTED]
        return [
            *table(["fault", "times", *ways, *_COUNTED.values(), "s to rest: median, most"], faults),
            "",
            *table(["operation", "hit", *ways], operations),
            "",
            f"{self.kills} kills, {sum(line.times for line in self.faults.values()) - self.kills} other faults; "
            f"{self.documents} documents acknowledged; "
            + ", ".join(f"{name} {total}" for name, total in zip(_COUNTED.values(), totals, strict=True))
            + ".",
            *self.findings,
        ]
