"""Every check there is, in order of how fast it fails: `python -m tests`.

The unit and integration tests run twice: on SQLite, then on PostgreSQL. The latter is a cluster that is thrown away,
unless DATABASE_URL names one; there too, the tests make a database of their own.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests import browser, postgres

ROOT = Path(__file__).resolve().parent.parent
# What a failed browser test leaves to look at, in test-results/.
KEPT = ["--tracing", "retain-on-failure", "--screenshot", "only-on-failure"]
PRODUCTION = {"CONSOLE_URL": "https://console.example.org"}


Environment = dict[str, str]
# Taken out of the environment: it is for the tests on PostgreSQL alone, and no whole console is to be started on it.
GIVEN_DATABASE = os.environ.pop("DATABASE_URL", "")


@dataclass(frozen=True)
class Step:
    name: str
    command: list[str]
    environment: AbstractContextManager[Environment] = field(default_factory=lambda: nullcontext({}))


@contextmanager
def on_postgresql() -> Iterator[Environment]:
    if GIVEN_DATABASE.startswith("postgres"):
        yield {"DATABASE_URL": GIVEN_DATABASE}
        return
    with postgres.Cluster() as cluster:
        yield {"DATABASE_URL": cluster.url}


def main() -> None:
    # So that nothing is left running or lying about.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    browser.install()
    postgres.install()
    python = sys.executable
    pytest = [python, "-m", "pytest"]
    if chosen := sys.argv[1:]:
        given = {"DATABASE_URL": GIVEN_DATABASE} if GIVEN_DATABASE else {}
        tests = [Step("tests", [*pytest, *chosen], nullcontext(given))]
    else:
        # Apart: a browser test that fails leaves its event loop running, and Django then refuses every query.
        quick = [*pytest, "--ignore", "tests/e2e"]
        tests = [
            Step("unit and integration tests", quick),
            Step("unit and integration tests on PostgreSQL", quick, on_postgresql()),
            Step("end-to-end tests", [*pytest, "tests/e2e", *KEPT]),
            Step("faults (short)", [python, "-m", "tests.faults", "--short"]),
            *(
                Step(f"examples in {name}", [*pytest, "tests/e2e/examples", "--browser", name, *KEPT])
                for name in browser.others()
            ),
        ]
    manage = [python, "manage.py"]
    steps = [
        Step("ruff check", [python, "-m", "ruff", "check", "."]),
        Step("ruff format", [python, "-m", "ruff", "format", "--check", "."]),
        Step("mypy --strict", [python, "-m", "mypy"]),
        Step("check --deploy", [*manage, "check", "--deploy", "--fail-level", "WARNING"], nullcontext(PRODUCTION)),
        Step("makemigrations --check", [*manage, "makemigrations", "--check", "--dry-run"]),
        *tests,
    ]
    taken = []
    for step in steps:
        print(f"\n== {step.name}", flush=True)
        started = time.monotonic()
        with step.environment as given:
            code = subprocess.run(step.command, cwd=ROOT, env={**os.environ, **given}).returncode
        taken.append(f"{step.name} {time.monotonic() - started:.0f} s")
        if code:
            sys.exit(f"{step.name} failed.")
    print(f"\nAll passed: {', '.join(taken)}.")


if __name__ == "__main__":
    main()
