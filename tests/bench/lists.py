"""Compare how long list pages take in a large console and in a small one.

The real views render the pages, requested through Django's test client. Run alone:
`python -m tests.bench.lists --rows 1000000`.
"""

import argparse
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.bench.report import Row, lines

if TYPE_CHECKING:
    from tests.bench.bench import Bench

SMALL = 1_000
LARGE = 1_000_000
RUNS = 31
TARGET = "<= 1.5x"


@dataclass(frozen=True)
class View:
    """A page to measure: its address in a console with that many backups; go on `turns` pages from there."""

    name: str
    address: Callable[[int], str]
    turns: int = 0
    target: str = TARGET


def _views() -> list[View]:
    def always(address: str) -> Callable[[int], str]:
        return lambda backups: address

    return [
        View("Overview", always("/")),
        View("Backups, first page", always("/backups/")),
        View("Backups, deep (from the end)", always("/backups/?before=end"), turns=3),
        View("Backups by name, deep", always("/backups/?sort=name&before=end"), turns=3),
        View("Backups, searched: one name", lambda backups: f"/backups/?q=auto-{backups - 2:06d}"),
        View("Backups, searched: many names", always("/backups/?q=auto")),
        # To count the total, this page checks ten thousand rows one by one; the small console has fewer.
        View("Backups, three filters", always("/backups/?q=auto&type=Single&status=FAILED"), target=""),
        View("Backups, one type, by size", always("/backups/?type=Single&sort=-size")),
        View("Backups of an instance", always(f"/instances/{0:032x}in02/backups/")),
        View("Instances, first page", always("/instances/")),
        View("Instances, deep (from the end)", always("/instances/?before=end"), turns=3),
        View("Instances, longest without a backup", always("/instances/?sort=backup")),
        View("Instances, newest backup, deep", always("/instances/?sort=-backup&before=end"), turns=3),
        View("Instances, searched", always("/instances/?q=orders-00001")),
        View("Tasks, first page", always("/tasks/")),
        View("Tasks, deep (from the end)", always("/tasks/?before=end"), turns=3),
        View("Tasks, searched", always("/tasks/?q=orders-00001&status=Failed")),
    ]


def rows(bench: "Bench") -> Iterator[Row]:
    yield from compare(bench.empty("lists"), bench.backups, max(bench.runs, RUNS))


def compare(directory: Path, backups: int, runs: int) -> Iterator[Row]:
    """Yield the rows of the table: each page in a console of `backups` backups against one of SMALL, in turn."""
    command = [sys.executable, "-m", "tests.bench.lists", "--measure", str(directory)]
    environment = {**os.environ, "CONSOLE_HOME": str(directory / "home"), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    # `fill` writes the rows into SQLite's files.
    environment.pop("DATABASE_URL", None)
    answer = subprocess.run(
        [*command, "--rows", str(backups), "--runs", str(runs)], env=environment, check=True, stdout=subprocess.PIPE
    ).stdout
    medians = json.loads(answer)
    for view in _views():
        large, small = medians[view.name]
        yield Row(
            f"{view.name}, {backups:,} backups",
            f"{large * 1000:.1f} ms",
            f"{small * 1000:.1f} ms (with {SMALL:,})",
            f"{large / small:.2f}x",
            view.target,
        )


# --- Runs in its own process, whose settings name a separate home -------------------------------------


def _measure(directory: Path, backups: int, runs: int) -> dict[str, tuple[float, float]]:
    """Return the median seconds of each page in the large and in the small console."""
    import django

    django.setup()
    from django.conf import settings

    from console.processes import home

    settings.ALLOWED_HOSTS.append("testserver")
    home.prepare(settings.CONSOLE_HOME)
    large, small = _Console(directory / "large.sqlite3", backups), _Console(directory / "small.sqlite3", SMALL)
    taken: dict[str, tuple[list[float], list[float]]] = {view.name: ([], []) for view in _views()}
    for _ in range(runs):
        for name, (in_large, in_small) in taken.items():
            in_large.append(large.seconds(name))
            in_small.append(small.seconds(name))
    return {name: (median(in_large), median(in_small)) for name, (in_large, in_small) in taken.items()}


class _Console:
    """A console database with that many backups, and a signed-in browser."""

    def __init__(self, database: Path, backups: int) -> None:
        from django.contrib.auth.models import User
        from django.test import Client

        from tests.bench.many import fill

        self.database = database
        self._connect()
        if not database.exists():
            fill(backups)
        self._client = Client()
        self._client.force_login(User.objects.get())
        self._addresses = {view.name: self._turned(view.address(backups), view.turns) for view in _views()}

    def _connect(self) -> None:
        """Select this database in Django; it connects again, as for each request of a browser."""
        from django.db import connection

        connection.close()
        connection.settings_dict["NAME"] = str(self.database)

    def _turned(self, address: str, turns: int) -> str:
        """Return the address after following that many links to the previous page, as a person would."""
        for _ in range(turns):
            link = re.search(r'id="[a-z]+-list-previous" href="([^"]+)"', self._client.get(address).content.decode())
            assert link, f"{address} has no page before it"
            address = html.unescape(link.group(1))
        return address

    def seconds(self, name: str) -> float:
        """Return the seconds that the page takes."""
        self._connect()
        started = time.perf_counter()
        answer = self._client.get(self._addresses[name])
        taken = time.perf_counter() - started
        assert answer.status_code == 200, (name, answer.status_code)
        return taken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.lists", description=__doc__)
    parser.add_argument("--rows", type=int, default=LARGE, help="backups in the large console (%(default)s)")
    parser.add_argument("--runs", type=int, default=RUNS, help="measurements of each page (%(default)s)")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.measure, options.rows, options.runs)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        print("\n".join(lines(compare(Path(directory), options.rows, options.runs))))


if __name__ == "__main__":
    main()
