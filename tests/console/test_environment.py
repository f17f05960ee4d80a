import json
import os
import subprocess
import sys

import pytest

from console.environment import BASE_DIR


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONSOLE_PORT", "eighty"),
        ("CONSOLE_WEB_THREADS", "0"),
        ("CONSOLE_PARALLEL_JOBS", "-1"),
        ("CONSOLE_LEASE_SECONDS", "soon"),
        ("CONSOLE_URL", "console.example.org"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_nothing_starts(name: str, value: str) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=BASE_DIR,
        env={**os.environ, name: value, "DJANGO_SETTINGS_MODULE": "console.settings"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0
    assert name in ended.stderr
    assert "Traceback" not in ended.stderr


def test_logs_can_be_json() -> None:
    code = (
        "import django, logging; django.setup(); "
        "logging.getLogger('instances.agent').warning('Job %s failed.', 7, extra={'job': 7})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env={**os.environ, "CONSOLE_LOG_FORMAT": "json", "DJANGO_SETTINGS_MODULE": "console.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    line = json.loads(ended.stderr)
    assert (line["levelname"], line["name"], line["message"], line["job"]) == (
        "WARNING",
        "instances.agent",
        "Job 7 failed.",
        7,
    )
