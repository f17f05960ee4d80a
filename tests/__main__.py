"""Run every check, those that fail fastest first: `python -m tests`.

Tests that use the console database run twice: on SQLite with all other tests, then on PostgreSQL. The latter is
a temporary cluster unless DATABASE_URL names one; either way, the tests create their own database in it.

`--suite NAME` runs one part and may be repeated. All other arguments go to pytest, such as `-k create_backup` or the
name of a test.
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
# A failed browser test leaves these in test-results/.
KEPT = ["--tracing", "retain-on-failure", "--screenshot", "only-on-failure"]
PRODUCTION = {"CONSOLE_URL": "https://console.example.org"}
# Separate from the browser tests: a failed browser test leaves its event loop running, and Django then refuses queries.
QUICK = ["--ignore", "tests/e2e"]


Environment = dict[str, str]
# Removed from the environment: only the tests on PostgreSQL may use it; no complete console may start on it.
GIVEN_DATABASE = os.environ.pop("DATABASE_URL", "")


@dataclass(frozen=True)
class Step:
    """One command; `--suite` selects it by `suite`."""

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
    """Return the checks that read the sources without running them."""
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
    """Return the steps of all tests, or only of those that the pytest arguments `chosen` select, in one process."""
    pytest = [sys.executable, "-m", "pytest", "-p", "tests.failures"]
    quick = [*pytest, *(chosen or [*workers.options(), *QUICK])]
    # Tests of one module share their setup.
    pages = [*pytest, *KEPT, *(chosen or [*workers.options(), "--dist", "loadfile", "tests/e2e"])]
    faults = [sys.executable, "-m", "tests.faults", *(chosen or ["--short"])]
    return [
        Step("sqlite", "unit and integration tests", quick),
        Step("postgresql", "tests of the console database on PostgreSQL", [*quick, "--with-database"], on_postgresql()),
        Step("browser", "end-to-end tests", pages),
        Step("faults", "faults (short)", faults),
    ]


def examples() -> list[Step]:
    """Return steps that run the examples in each of Playwright's other browsers that this machine has."""
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
    # On SIGTERM exit normally, so that no process or file is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped."))
    browser.install()
    postgres.install()
    steps = steps_for(options.suite, chosen)
    with downloads() if any(step.suite == "sqlite" for step in steps) else nullcontext():
        run(steps)


@contextmanager
def downloads() -> Iterator[None]:
    """Meanwhile, let npm download what two tests of the engine need, which may take minutes."""
    # A process group that includes npm.
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
    """Run the steps in order; the faults, which mostly wait, start beside the browser tests that precede them."""
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
    """A step that has started. If it is `held`, wait() shows its output."""

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
        """Wait until the step ends; return the exit code."""
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
        """Stop the step early."""
        self._process.terminate()
        self._process.wait()

    def _show(self) -> int | None:
        """Print the new output; return the exit code if the step had already ended."""
        code, shown = self._process.poll(), b""
        if self._output:
            # The process writes at the offset of the same open file, so read at a separate offset.
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
