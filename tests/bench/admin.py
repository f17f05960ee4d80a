"""Compare the lists with the changelists of Django's admin: same models, rows, columns and page size.

One process requests the console's page and the admin's page in turn, through Django's test client. Run alone:
`python -m tests.bench.admin --rows 1000000`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.bench.report import Row, lines

if TYPE_CHECKING:
    from tests.bench.bench import Bench

RUNS = 31
TARGET = "<= 1.0x"
# The console's page and the admin's page by name. Each address has the size, because a browser keeps its last choice.
PAGES = {
    "Backup list, 20 rows": ("/backups/?size=20", "/admin/backups/backup/"),
    "Backup list, 100 rows": ("/backups/?size=100", "/admin-100/backups/backup/"),
    "Backup list, Failed ones": ("/backups/?size=20&status=FAILED", "/admin/backups/backup/?status__exact=FAILED"),
    "Instance list, 20 rows": ("/instances/?size=20", "/admin/instances/instance/"),
    "Instance list, 100 rows": ("/instances/?size=100", "/admin-100/instances/instance/"),
}


def rows(bench: "Bench") -> Iterator[Row]:
    yield from compare(bench.empty("admin"), bench.backups, max(bench.runs, RUNS))


def compare(directory: Path, backups: int, runs: int) -> Iterator[Row]:
    command = [sys.executable, "-m", "tests.bench.admin", "--measure", "--rows", str(backups), "--runs", str(runs)]
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "CONSOLE_HOME": str(directory / "home"),
        "DJANGO_SETTINGS_MODULE": "tests.bench.admin_settings",
    }
    answer = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
    for name, (ours, theirs) in json.loads(answer).items():
        yield Row(
            f"{name}, {backups:,} backups",
            f"{ours * 1000:.1f} ms",
            f"{theirs * 1000:.1f} ms (Django admin)",
            f"{ours / theirs:.2f}x",
            TARGET,
        )


# --- Runs in its own process, with the admin installed -----------------------------------------------


def _measure(backups: int, runs: int) -> dict[str, tuple[float, float]]:
    """Return the median seconds of each page: the console's and the admin's."""
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    from console.processes import home
    from tests.bench.many import fill

    settings.ALLOWED_HOSTS.append("testserver")
    home.prepare(settings.CONSOLE_HOME)
    fill(backups)
    client = Client()
    client.force_login(User.objects.get())
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in PAGES}
    for _ in range(runs):
        for name, addresses in PAGES.items():
            for address, seconds in zip(addresses, taken[name], strict=True):
                seconds.append(_seconds(client, address))
    return {name: (median(ours), median(theirs)) for name, (ours, theirs) in taken.items()}


def _seconds(client: Any, address: str) -> float:
    started = time.perf_counter()
    answer = client.get(address)
    taken = time.perf_counter() - started
    assert answer.status_code == 200, (address, answer.status_code)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.admin", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="backups in the console (%(default)s)")
    parser.add_argument("--runs", type=int, default=RUNS, help="measurements of each page (%(default)s)")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.rows, options.runs)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        print("\n".join(lines(compare(Path(directory), options.rows, options.runs))))


if __name__ == "__main__":
    main()
