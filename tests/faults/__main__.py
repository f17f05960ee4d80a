"""Break the console in many ways and check that it keeps its promises: `python -m tests.faults`.

See README.md in this folder.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

import django

# The checks start servers on the contents of archives, with a console's settings.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.faults import kills, mounts, scenarios  # noqa: E402
from tests.faults.tally import Tally  # noqa: E402

LONG_KILLS, SHORT_KILLS = 200, 8


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, help=f"how many kills ({LONG_KILLS}; short: {SHORT_KILLS})")
    parser.add_argument("--seed", type=int, help="repeat the moments of a run that printed it")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="kills, or a part of the names of faults; may be repeated"
    )
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="of each fault in each operation (2)")
    parser.add_argument("--short", action="store_true", help="every kind of fault once: some minutes")
    parser.add_argument("--directory", type=Path, help="where the files go (the system's temporary directory)")
    options = parser.parse_args()
    mounts.make_private()
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    count = options.kills if options.kills is not None else SHORT_KILLS if options.short else LONG_KILLS
    began, tally = time.monotonic(), Tally()
    print(f"seed {seed}", flush=True)
    chosen = []
    for scenario in scenarios.SCENARIOS:
        if not options.only or any(name in scenario.name for name in options.only):
            if refusal := scenario.refusal():
                print(f"without {scenario.name}: {refusal}")
            else:
                chosen.append(scenario)
    with tempfile.TemporaryDirectory(prefix="faults-", dir=options.directory) as directory:
        if not options.only or "kills" in options.only:
            kills.run(Path(directory), tally, kills=count, seed=seed)
        scenarios.run(Path(directory), tally, chosen, seed=seed, rounds=0 if options.short else options.rounds)
    print("\n".join(tally.report()))
    print(f"{time.monotonic() - began:.0f} s, seed {seed}.")
    sys.exit(1 if tally.findings else 0)


if __name__ == "__main__":
    main()
