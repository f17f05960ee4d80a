"""Figures of this machine, as a table: `python -m tests.bench`. README.md beside this file says more."""

import argparse
import tempfile
import time
from pathlib import Path

from tests.bench import admin, backup, fleet, lists, load, memory, others, pages, pause, restore, s3, start
from tests.bench.bench import Bench
from tests.bench.report import Row, lines, machine

GROUPS = {
    "backup": backup.rows,
    "others": others.rows,
    "fleet": fleet.rows,
    "memory": memory.rows,
    "pause": pause.rows,
    "pages": pages.rows,
    "restore": restore.rows,
    "start": start.rows,
    "s3": s3.rows,
    "lists": lists.rows,
    "admin": admin.rows,
    "load": load.rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", type=float, default=400, metavar="MB", help="size of the instance (400)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="measurements of each side (5)")
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N", help="backups in the lists (1,000,000)")
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--directory", type=Path, help="where the files go (the system's temporary directory)")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.directory) as directory:
        print(machine(Path(directory)), flush=True)
        bench = Bench(options.size, options.runs, Path(directory), options.rows)
        rows: list[Row] = []
        for name in options.only or GROUPS:
            print(f"Measuring {name} ...", flush=True)
            rows.extend(GROUPS[name](bench))
    print(f"\nMedians of {options.runs} runs in turn; {time.monotonic() - started:.0f} s in all.\n")
    print("\n".join(lines(rows)))


if __name__ == "__main__":
    main()
