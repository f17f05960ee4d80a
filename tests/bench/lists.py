"""How long pages of the lists take in a large console, against the same pages in a small one.

The pages are made by the real views, asked through Django's test client. Run alone:
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
# One instance for every so many backups.
BACKUPS_OF_ONE = 10
RUNS = 31
TARGET = "<= 1.5x"

# Rows as the console writes them. What matters is how values are spread: three types, one backup in ten
# Failed, one in seven manual, names that many share and names of their own.
_INSTANCES = """
INSERT INTO instances_instance (id, name, type, host_id, port, state, action, failure, created,
    engine, engine_version, storage_engine, compatible_version)
WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :instances)
SELECT printf('%032xin02', i), printf('Orders-%06d', i),
    CASE i % 3 WHEN 0 THEN 'Sharding' WHEN 1 THEN 'ReplicaSet' ELSE 'Single' END, 'bench', i,
    CASE WHEN i % 50 = 0 THEN 'abnormal' ELSE 'normal' END, '', '',
    strftime('%Y-%m-%d %H:%M:%f000', '2025-01-01', printf('+%d minutes', i)),
    'nx-27017', '0.8.1', 'SQLite', '7.0'
FROM n
"""
_JOBS = """
INSERT INTO instances_job (id, kind, host_id, instance_id, instance_uid, instance_name, parameters, status, progress,
    detail, failure, created, started, ended, interrupted, left_behind, cancel_reason)
WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :backups)
SELECT printf('%032x', i), 'backup', 'bench', printf('%032xin02', i % :instances),
    printf('%032xin02', i % :instances), printf('Orders-%06d', i % :instances), '{}',
    CASE WHEN i % 10 = 7 THEN 'Failed' ELSE 'Completed' END, 100, '{}', '',
    strftime('%Y-%m-%d %H:%M:%f000', '2025-01-01', printf('+%d seconds', i)),
    strftime('%Y-%m-%d %H:%M:%f000', '2025-01-01', printf('+%d seconds', i)),
    strftime('%Y-%m-%d %H:%M:%f000', '2025-01-01', printf('+%d seconds', i + 5)), 0, 0, ''
FROM n
"""
_BACKUPS = """
INSERT INTO backups_backup (id, name, description, type, method, status, failure, started, ended, size, sha256,
    instance_id, instance_uid, instance_name, instance_type, engine, engine_version, storage_engine, host_id, job_id,
    contents, locked, uses, verifying, verify_failure, verification)
WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :backups)
SELECT printf('%032xbr02', i),
    CASE WHEN i % 7 THEN printf('auto-%06d', i) WHEN i % 2 THEN 'Nightly' ELSE printf('before-%06d', i) END, '',
    CASE WHEN i % 7 THEN 'Auto' ELSE 'Manual' END, 'Physical',
    CASE WHEN i % 10 = 7 THEN 'FAILED' ELSE 'COMPLETED' END, '',
    strftime('%Y-%m-%d %H:%M:%f000', '2025-01-01', printf('+%d seconds', i)),
    strftime('%Y-%m-%d %H:%M:%f000', '2025-01-01', printf('+%d seconds', i + 5)), (i * 7919) % 1000003, '',
    printf('%032xin02', i % :instances), printf('%032xin02', i % :instances), printf('Orders-%06d', i % :instances),
    CASE i % :instances % 3 WHEN 0 THEN 'Sharding' WHEN 1 THEN 'ReplicaSet' ELSE 'Single' END,
    'nx-27017', '0.8.1', 'SQLite', 'bench', printf('%032x', i),
    '[]', 0, 0, 0, '', '{}'
FROM n
"""


@dataclass(frozen=True)
class View:
    """A page to measure: its address in a console with so many backups; `turns` pages on from there."""

    name: str
    address: Callable[[int], str]
    turns: int = 0
    target: str = TARGET


def _views() -> list[View]:
    def always(address: str) -> Callable[[int], str]:
        return lambda backups: address

    return [
        View("Backups, first page", always("/backups/")),
        View("Backups, deep (from the end)", always("/backups/?before=end"), turns=3),
        View("Backups by name, deep", always("/backups/?sort=name&before=end"), turns=3),
        View("Backups, searched: one name", lambda backups: f"/backups/?q=auto-{backups - 2:06d}"),
        View("Backups, searched: many names", always("/backups/?q=auto")),
        # Its total looks at ten thousand rows one by one, where the small console has fewer.
        View("Backups, three filters", always("/backups/?q=auto&type=Single&status=FAILED"), target=""),
        View("Backups, one type, by size", always("/backups/?type=Single&sort=-size")),
        View("Backups of an instance", always(f"/instances/{0:032x}in02/backups/")),
        View("Instances, first page", always("/instances/")),
        View("Instances, deep (from the end)", always("/instances/?before=end"), turns=3),
        View("Instances, searched", always("/instances/?q=orders-00001")),
        View("Tasks, first page", always("/tasks/")),
        View("Tasks, deep (from the end)", always("/tasks/?before=end"), turns=3),
        View("Tasks, searched", always("/tasks/?q=orders-00001&status=Failed")),
    ]


def rows(bench: "Bench") -> Iterator[Row]:
    yield from compare(bench.empty("lists"), bench.backups, max(bench.runs, RUNS))


def compare(directory: Path, backups: int, runs: int) -> Iterator[Row]:
    """The rows of the table: each page in a console of `backups` backups against one of SMALL, in turn."""
    command = [sys.executable, "-m", "tests.bench.lists", "--measure", str(directory)]
    environment = {**os.environ, "CONSOLE_HOME": str(directory / "home"), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    # The rows are written into SQLite's files.
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


# --- In a process of its own, whose settings name a home of its own ---------------------------------


def _measure(directory: Path, backups: int, runs: int) -> dict[str, tuple[float, float]]:
    """The median seconds of each page in the large and in the small console."""
    import django

    django.setup()
    from django.conf import settings

    from console import home

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
    """A console database with so many backups, and a signed-in browser."""

    def __init__(self, database: Path, backups: int) -> None:
        from django.contrib.auth.models import User
        from django.test import Client

        self.database = database
        self._connect()
        if not database.exists():
            _fill(backups)
        self._client = Client()
        self._client.force_login(User.objects.get())
        self._addresses = {view.name: self._turned(view.address(backups), view.turns) for view in _views()}

    def _connect(self) -> None:
        """Make it the database that Django uses; it connects anew, as it does for each request of a browser."""
        from django.db import connection

        connection.close()
        connection.settings_dict["NAME"] = str(self.database)

    def _turned(self, address: str, turns: int) -> str:
        """The address after turning so many pages back, as a person would."""
        for _ in range(turns):
            link = re.search(r'id="[a-z]+-list-previous" href="([^"]+)"', self._client.get(address).content.decode())
            assert link, f"{address} has no page before it"
            address = html.unescape(link.group(1))
        return address

    def seconds(self, name: str) -> float:
        """How long the page takes."""
        self._connect()
        started = time.perf_counter()
        answer = self._client.get(self._addresses[name])
        taken = time.perf_counter() - started
        assert answer.status_code == 200, (name, answer.status_code)
        return taken


def _fill(backups: int) -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connection

    from instances.models import Host

    call_command("migrate", verbosity=0)
    Host.objects.create(name="bench")
    User.objects.create_superuser("bench")
    counts = {"backups": backups, "instances": max(backups // BACKUPS_OF_ONE, 1)}
    for statement in ("PRAGMA synchronous=OFF", "PRAGMA cache_size=-500000", _INSTANCES, _JOBS, _BACKUPS):
        connection.connection.execute(statement, counts)


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
