"""Pytest plugin that prints, as soon as a test fails, its artifacts and the command that runs it again."""

import os
import shlex
from pathlib import Path

import pytest
from slugify import slugify

# Name of the running suite, if `python -m tests` started it.
SUITE = "TESTS_SUITE"


class Failures:
    """Collects the phases of each failed test: a browser test's artifacts exist only after its last phase."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        if report.when == "teardown" and report.nodeid in self.failed:
            self.failed.remove(report.nodeid)
            self._tell(report.nodeid)

    def _tell(self, nodeid: str) -> None:
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        assert terminal is not None
        # Start a new line after the dots.
        terminal.write_line("")
        terminal.write_line(f"FAILED {nodeid}", red=True)
        for path in sorted(self._artifacts(nodeid)):
            if path.suffix == ".zip":
                terminal.write_line(f"  trace: .venv/bin/playwright show-trace {shlex.quote(str(path))}")
            else:
                terminal.write_line(f"  screenshot: {path}")
        terminal.write_line(f"  alone: {self._command(nodeid)}")

    def _artifacts(self, nodeid: str) -> list[Path]:
        output = Path(self.config.getoption("--output", "test-results"))
        return [path for path in (output / slugify(nodeid)).rglob("*") if path.is_file()]

    def _command(self, nodeid: str) -> str:
        suite = os.environ.get(SUITE, "")
        start = f"python -m tests --suite {suite}" if suite else "python -m pytest"
        # The seed determines the order of the tests and their random values.
        seed = self.config.getoption("randomly_seed", None)
        options = [f"--randomly-seed={seed}"] if isinstance(seed, int) else []
        return shlex.join([f".venv/bin/{start.split()[0]}", *start.split()[1:], nodeid, *options])


def pytest_configure(config: pytest.Config) -> None:
    # Workers send their reports to the process that started them.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(config), "failures")
