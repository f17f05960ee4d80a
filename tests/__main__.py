"""Every check there is, in order of how fast it fails: `python -m tests`.

Tests that use the console database run twice: on SQLite, with all others, then on PostgreSQL. The latter is a cluster
that is thrown away, unless DATABASE_URL names one; there too, the tests make a database of their own.

`--suite NAME` runs one part, and may be repeated. Everything else goes to pytest, such as `-k create_backup` or a
test's name.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests import browser, failures, postgres, workers

ROOT = Path(__file__).resolve().parent.parent
# What a failed browser test leaves to look at, in test-results/.
KEPT = ["--tracing", "retain-on-failure", "--screenshot", "only-on-failure"]
PRODUCTION = {"CONSOLE_URL": "https://console.example.org"}
# Apart from the browser's: one of these that fails leaves its event loop running, and Django then refuses every query.
QUICK = ["--ignore", "tests/e2e"]


Environment = dict[str, str]
# Taken out of the environment: it is for the tests on PostgreSQL alone, and no whole console is to be started on it.
GIVEN_DATABASE = os.environ.pop("DATABASE_URL", "")


@dataclass(frozen=True)
class Step:
    """One command. `suite` is what it is called with --suite."""

    suite: str
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


def checks() -> list[Step]:
    """What looks at the sources without running them."""
    python = sys.executable
    manage = [python, "manage.py"]
    return [
        Step("checks", "ruff check", [python, "-m", "ruff", "check", "."]),
        Step("checks", "ruff format", [python, "-m", "ruff", "format", "--check", "."]),
        Step("checks", "mypy --strict", [python, "-m", "mypy"]),
        Step(
            "checks",
            "check --deploy",
            [*manage, "check", "--deploy", "--fail-level", "WARNING"],
            nullcontext(PRODUCTION),
        ),
        Step("checks", "makemigrations --check", [*manage, "makemigrations", "--check", "--dry-run"]),
    ]


def tests(chosen: list[str]) -> list[Step]:
    """All tests; or, of each suite, those that pytest's arguments `chosen` choose, in this one process."""
    pytest = [sys.executable, "-m", "pytest", "-p", "tests.failures"]
    quick = [*pytest, *(chosen or [*workers.options(), *QUICK])]
    # Tests of one module share what they have prepared.
    pages = [*pytest, *KEPT, *(chosen or [*workers.options(), "--dist", "loadfile", "tests/e2e"])]
    faults = [sys.executable, "-m", "tests.faults", *(chosen or ["--short"])]
    return [
        Step("sqlite", "unit and integration tests", quick),
        Step("postgresql", "tests of the console database on PostgreSQL", [*quick, "--with-database"], on_postgresql()),
        Step("browser", "end-to-end tests", pages),
        Step("faults", "faults (short)", faults),
    ]


def examples() -> list[Step]:
    """The examples in each further browser of Playwright's that is on this machine."""
    pytest = [sys.executable, "-m", "pytest", "-p", "tests.failures", "tests/e2e/examples", *KEPT]
    return [Step("browser", f"examples in {name}", [*pytest, "--browser", name]) for name in browser.others()]


def steps_for(suites: list[str], chosen: list[str]) -> list[Step]:
    if suites:
        every = [*checks(), *tests(chosen), *(examples() if "browser" in suites and not chosen else [])]
        return [step for step in every if step.suite in suites]
    if chosen:
        given = {"DATABASE_URL": GIVEN_DATABASE} if GIVEN_DATABASE else {}
        command = [sys.executable, "-m", "pytest", "-p", "tests.failures", *KEPT, *chosen]
        return [*checks(), Step("", "tests", command, nullcontext(given))]
    return [*checks(), *tests([]), *examples()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__)
    names = ["checks", "sqlite", "postgresql", "browser", "faults"]
    parser.add_argument("--suite", action="append", choices=names, default=[], help="one part; may be repeated")
    options, chosen = parser.parse_known_args()
    # So that nothing is left running or lying about.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    browser.install()
    postgres.install()
    steps = steps_for(options.suite, chosen)
    with downloads() if any(step.suite == "sqlite" for step in steps) else nullcontext():
        run(steps)


@contextmanager
def downloads() -> Iterator[None]:
    """Install beside the checks what two tests of the engine have npm download; it may take minutes."""
    # A group of its own, with npm in it.
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.mongosh"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def run(steps: list[Step]) -> None:
    """Run them one after the other; the faults, which mostly wait, begin beside the browser tests before them."""
    began, taken = time.monotonic(), []
    beside: Running | None = None
    for number, step in enumerate(steps, 1):
        print(f"\n== {number} of {len(steps)}: {step.name}, {_clock(began)} after the start", flush=True)
        running, beside = beside or Running(step), None
        following = steps[number : number + 1]
        if step.suite == "browser" and following and following[0].suite == "faults":
            print(f"== {following[0].name}: beside it; the output comes later", flush=True)
            beside = Running(following[0], held=True)
        try:
            code = running.wait()
        except BaseException:
            if beside:
                beside.stop()
            raise
        seconds = f"{running.seconds:.0f} s"
        print(f"== {step.name}: {'failed' if code else 'passed'} in {seconds}", flush=True)
        taken.append(f"{step.name} {seconds}")
        if code:
            if beside:
                beside.stop()
            again = f" --suite {step.suite}" if step.suite else ""
            sys.exit(f"{step.name} failed. This step alone: .venv/bin/python -m tests{again}")
    print(f"\nAll passed in {_clock(began)}: {', '.join(taken)}.")


class Running:
    """A step that has been started. The output of a `held` one is shown by wait()."""

    def __init__(self, step: Step, *, held: bool = False) -> None:
        self.seconds = 0.0
        self._seen = 0
        self._began = time.monotonic()
        self._leaving = ExitStack()
        given = self._leaving.enter_context(step.environment)
        self._output = self._leaving.enter_context(tempfile.TemporaryFile()) if held else None  # noqa: SIM115
        self._process = subprocess.Popen(
            step.command,
            cwd=ROOT,
            env={**os.environ, failures.SUITE: step.suite, **given},
            stdout=self._output,
            stderr=subprocess.STDOUT if held else None,
        )

    def wait(self) -> int:
        """Return the exit code once it has ended."""
        with self._leaving:
            try:
                while self._show() is None:
                    with suppress(subprocess.TimeoutExpired):
                        self._process.wait(1 if self._output else None)
            except BaseException:
                self.stop()
                raise
            self.seconds = time.monotonic() - self._began
            return self._process.returncode

    def stop(self) -> None:
        """End it before its time."""
        self._process.terminate()
        self._process.wait()

    def _show(self) -> int | None:
        """Print what has come since the last time; return the exit code if it had ended before."""
        code, shown = self._process.poll(), b""
        if self._output:
            # The process writes at the end of the same open file: reading has a place of its own.
            shown = os.pread(self._output.fileno(), 1 << 20, self._seen)
            self._seen += len(shown)
            sys.stdout.buffer.write(shown)
            sys.stdout.flush()
        return None if shown else code


def _clock(began: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    return f"{minutes}:{seconds:02}"


if __name__ == "__main__":
    main()
