"""Every check there is, in order of how fast it fails: `python -m tests`."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests import browser

ROOT = Path(__file__).resolve().parent.parent
# What a failed browser test leaves to look at, in test-results/.
KEPT = ["--tracing", "retain-on-failure", "--screenshot", "only-on-failure"]
PRODUCTION = {"CONSOLE_URL": "https://console.example.org"}


def main() -> None:
    browser.install()
    python = sys.executable
    manage = [python, "manage.py"]
    pytest = [python, "-m", "pytest"]
    # Apart: a browser test that fails leaves its event loop running, and Django then refuses every query.
    tests: list[tuple[str, list[str], dict[str, str]]] = (
        [("tests", [*pytest, *sys.argv[1:]], {})]
        if sys.argv[1:]
        else [
            ("unit and integration tests", [*pytest, "--ignore", "tests/e2e"], {}),
            ("end-to-end tests", [*pytest, "tests/e2e", *KEPT], {}),
            *(
                (f"examples in {name}", [*pytest, "tests/e2e/examples", "--browser", name, *KEPT], {})
                for name in browser.others()
            ),
        ]
    )
    steps: list[tuple[str, list[str], dict[str, str]]] = [
        ("ruff check", [python, "-m", "ruff", "check", "."], {}),
        ("ruff format", [python, "-m", "ruff", "format", "--check", "."], {}),
        ("mypy --strict", [python, "-m", "mypy"], {}),
        ("check --deploy", [*manage, "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION),
        ("makemigrations --check", [*manage, "makemigrations", "--check", "--dry-run"], {}),
        *tests,
    ]
    taken = []
    for name, command, environment in steps:
        print(f"\n== {name}", flush=True)
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode
        taken.append(f"{name} {time.monotonic() - started:.0f} s")
        if code:
            sys.exit(f"{name} failed.")
    print(f"\nAll passed: {', '.join(taken)}.")


if __name__ == "__main__":
    main()
