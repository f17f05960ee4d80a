"""Print a table of figures of this machine: `python -m tests.bench`. See README.md in this folder."""

import argparse
import os
import tempfile
import time
from pathlib import Path

import django

# Each backup runs in its own process, which inherits this.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
# The engines use translated names when they are imported.
django.setup()

from tests.bench import admin, backup, dump, fleet, lists, load, others, pages, pause, restore, s3, server, start  # noqa: E402
from tests.bench.bench import Bench  # noqa: E402
from tests.bench.report import Row, lines, machine  # noqa: E402

GROUPS = {
    "backup": backup.rows,
    "dump": dump.rows,
    "others": others.rows,
    "restore": restore.rows,
    "pause": pause.rows,
    "server": server.rows,
    "fleet": fleet.rows,
    "pages": pages.rows,
    "start": start.rows,
    "s3": s3.rows,
    "lists": lists.rows,
    "admin": admin.rows,
    "load": load.rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", type=float, metavar="MB", help="documents of the instance (400; quick: 40)")
    parser.add_argument("--runs", type=int, metavar="N", help="measurements of each side (5; quick: 3)")
    parser.add_argument("--rows", type=int, metavar="N", help="backups in the lists (1,000,000; quick: 20,000)")
    parser.add_argument("--quick", action="store_true", help="smaller and fewer: some minutes")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--directory", type=Path, help="where the files go (the system's temporary directory)")
    options = parser.parse_args()
    size, runs, backups = (40, 3, 20_000) if options.quick else (400, 5, 1_000_000)
    size, runs, backups = options.size or size, options.runs or runs, options.rows or backups
    started = time.monotonic()
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=options.directory) as directory,
        Bench(size, runs, Path(directory), backups) as bench,
    ):
        print(machine(Path(directory)), flush=True)
        for name in options.only or GROUPS:
            print(f"Measuring {name} ...", flush=True)
            rows.extend(GROUPS[name](bench))
    print(f"\nMedians of {runs} runs in turn; {time.monotonic() - started:.0f} s in all.\n")
    print("\n".join(lines(rows)))


if __name__ == "__main__":
    main()
