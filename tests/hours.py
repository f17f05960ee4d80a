"""Run the unit and integration tests at another time of day: `python -m tests.hours`.

The tests start at each of these moments, so that midnight, a backup window or a clock change comes while they run.
`--list` names the moments, `--at 22:40` runs one; all other arguments go to pytest, such as `tests/backups -x`.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests import workers

ROOT = Path(__file__).resolve().parent.parent
SET_CLOCK = ROOT / "tests" / "set_clock"
# time-machine is also a pytest plugin, and is imported before pytest.
EARLY = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]


@dataclass(frozen=True)
class Moment:
    """A moment to start at: `at` is in UTC; `zone` is the machine's time zone, as in TZ."""

    name: str
    at: datetime
    zone: str = "UTC"

    def environment(self) -> dict[str, str]:
        """Return the environment that makes Python processes start at this moment."""
        # The clock of this process may itself be shifted.
        ahead = (self.at - datetime.now(UTC)).total_seconds() + float(os.environ.get("SECONDS_AHEAD", "0"))
        paths = [str(SET_CLOCK), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {"PYTHONPATH": os.pathsep.join(paths), "SECONDS_AHEAD": str(ahead), "TZ": self.zone}


def _moment(name: str, at: str, zone: str = "UTC") -> Moment:
    return Moment(name, datetime.fromisoformat(at).replace(tzinfo=UTC), zone)


def _today(name: str) -> Moment:
    """Return the next moment with that time of day."""
    day = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    return _moment(name, f"{day} {name}")


MOMENTS = [
    *map(_today, ("00:00:30", "01:59", "02:30", "12:00", "21:30", "22:40", "23:59:30")),
    _moment("month", "2027-04-30 23:58"),
    _moment("year", "2027-12-31 23:58"),
    _moment("leap-day", "2028-02-29 12:00"),
    _moment("new-york-spring", "2027-03-14 06:59", "America/New_York"),
    _moment("new-york-autumn", "2027-11-07 05:59", "America/New_York"),
    _moment("london-spring", "2027-03-28 00:59", "Europe/London"),
    _moment("london-autumn", "2027-10-31 00:59", "Europe/London"),
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hours", description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the moments and end")
    parser.add_argument("--at", action="append", metavar="NAME", help="one of the moments; may be repeated")
    options, chosen = parser.parse_known_args()
    known = {moment.name: moment for moment in MOMENTS}
    if unknown := set(options.at or ()) - set(known):
        parser.error(f"no such moment: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    moments = [known[name] for name in options.at or known]
    if options.list:
        print(
            *(f"{moment.name:16} {moment.at:%Y-%m-%d %H:%M:%S} UTC, TZ={moment.zone}" for moment in moments), sep="\n"
        )
        return
    failed = [moment.name for moment in moments if not _passes(moment, chosen)]
    if failed:
        sys.exit("Failed at: " + ", ".join(f"{name} (python -m tests.hours --at {name})" for name in failed))
    print(f"\nAll passed at {len(moments)} moments.")


def _passes(moment: Moment, chosen: list[str]) -> bool:
    print(f"\n== {moment.name}: {moment.at:%Y-%m-%d %H:%M:%S} UTC, TZ={moment.zone}", flush=True)
    began = time.monotonic()
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "tests.failures", *EARLY, *workers.options()]
    command = [*pytest, "--ignore=tests/e2e", *chosen]
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **moment.environment()}).returncode
    print(f"== {moment.name}: {'failed' if code else 'passed'} in {time.monotonic() - began:.0f} s", flush=True)
    return not code


if __name__ == "__main__":
    main()
