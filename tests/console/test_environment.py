import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from console import environment
from console.environment import BASE_DIR


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONSOLE_PORT", "eighty"),
        ("CONSOLE_WEB_THREADS", "0"),
        ("CONSOLE_PARALLEL_JOBS", "-1"),
        ("CONSOLE_LEASE_SECONDS", "soon"),
        ("CONSOLE_URL", "console.example.org"),
        ("CONSOLE_HOST", "qa\N{RIGHT-TO-LEFT OVERRIDE}1"),
        ("CONSOLE_S3_BUCKET", "s3://backups"),
        ("CONSOLE_S3_PREFIX", "/console"),
        ("CONSOLE_S3_ENDPOINT_URL", "minio:9000"),
        ("CONSOLE_S3_ADDRESSING_STYLE", "dns"),
        ("CONSOLE_S3_ACCESS_KEY_ID", "without-its-secret"),
    ],
)
def test_an_invalid_value_is_reported_and_prevents_the_start(name: str, value: str) -> None:
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


def start(**environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `manage.py check` with these settings; print the storage class, whether boto3 is loaded, and `shared`."""
    code = (
        "import sys; from django.core.management import execute_from_command_line as run; run(['manage.py', 'check']); "
        "from django.core.files.storage import storages; from django.conf import settings; "
        "print(settings.STORAGES['backups']['BACKEND'], 'boto3' in sys.modules, storages['backups'].shared)"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "console.settings"},
        capture_output=True,
        text=True,
    )


def test_without_a_bucket_archives_are_in_the_folder_and_boto3_is_not_loaded() -> None:
    assert start().stdout.split()[-3:] == ["backups.storage.folder.FolderStorage", "False", "False"]
    assert start(CONSOLE_S3_BUCKET="my-backups").stdout.split()[-3:] == [
        "backups.storage.s3.BucketStorage",
        "False",
        "True",
    ]


def test_settings_for_s3_without_a_bucket_are_rejected() -> None:
    ended = start(CONSOLE_S3_ENDPOINT_URL="http://127.0.0.1:9000")
    assert ended.returncode != 0 and "CONSOLE_S3_BUCKET is missing" in ended.stderr


NAME = "hash#tag q?x=1 %41 'single' \"double\" $HOME ~ * [a] ; : & \\ ünïcödé"


def test_the_home_may_have_any_character_that_people_can_read(tmp_path: Path) -> None:
    home = tmp_path / NAME
    code = (
        "import django; django.setup(); from django.db import connection; from django.conf import settings; "
        "connection.cursor().execute('CREATE TABLE a (b int)'); print(settings.CONSOLE_BACKUPS_DIR)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env={**os.environ, "CONSOLE_HOME": str(home), "DATABASE_URL": "", "DJANGO_SETTINGS_MODULE": "console.settings"},
        capture_output=True,
        text=True,
    )
    assert ended.stdout == f"{home / 'backups'}\n", ended.stderr
    assert (home / "console.sqlite3").stat().st_size > 0
    assert list(tmp_path.iterdir()) == [home]


@pytest.mark.parametrize("name", [b"not-\xff-utf-8", b"line\nbreak", b"escape-\x1b"], ids=["bytes", "line", "control"])
def test_a_path_that_cannot_be_shown_is_rejected(monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    monkeypatch.setattr(environment, "SETTINGS", [])
    monkeypatch.setenv("CONSOLE_HOME", os.fsdecode(b"/" + name))
    with pytest.raises(ImproperlyConfigured, match=r"^CONSOLE_HOME has a line break, another .* another directory\.$"):
        environment.folder("CONSOLE_HOME", BASE_DIR, "", shown="")


def test_a_path_of_an_unknown_user_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "SETTINGS", [])
    monkeypatch.setenv("CONSOLE_HOME", "~nobody-has-this-name/console")
    with pytest.raises(ImproperlyConfigured, match="CONSOLE_HOME is not a path that can be used"):
        environment.folder("CONSOLE_HOME", BASE_DIR, "", shown="")


def test_without_a_temporary_directory_temporary_files_are_in_the_home(tmp_path: Path) -> None:
    """As in a container whose root is read-only."""
    code = (
        "import os, tempfile; tempfile._candidate_tempdir_list = lambda: list(filter(None, [os.getenv('TMPDIR')])); "
        "import django; django.setup(); print(tempfile.gettempdir(), os.environ['TMPDIR'])"
    )
    settings = {"CONSOLE_HOME": str(tmp_path / "home"), "TMPDIR": "", "DJANGO_SETTINGS_MODULE": "console.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=os.environ | settings, capture_output=True, text=True
    )
    directory = tmp_path / "home" / "tmp"
    assert ended.stdout.split() == [str(directory)] * 2, ended.stderr
    assert directory.stat().st_mode & 0o777 == 0o700 and list(directory.iterdir()) == []


def test_logs_can_be_json() -> None:
    code = (
        "import django, logging; django.setup(); "
        "logging.getLogger('instances.queue.agent').warning('Job %s failed.', 7, extra={'job': 7})"
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
        "instances.queue.agent",
        "Job 7 failed.",
        7,
    )


# --- Listening addresses of instances ------------------------------------------------------------------------------


@pytest.mark.parametrize("bind", ["0.0.0.0", "192.0.2.7", "::", "db.example.org"])  # noqa: S104
def test_instances_accept_connections_from_other_machines_only_with_tls(bind: str) -> None:
    ended = start(CONSOLE_DB_BIND=bind)
    assert ended.returncode != 0 and "takes TLS" in ended.stderr and "CONSOLE_DB_TLS_CERTIFICATE" in ended.stderr
    assert start(CONSOLE_DB_BIND=bind, CONSOLE_DB_TLS_CERTIFICATE="a.pem", CONSOLE_DB_TLS_KEY="b.pem").returncode == 0


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_instances_need_no_tls_on_loopback(bind: str) -> None:
    assert start(CONSOLE_DB_BIND=bind).returncode == 0


@pytest.mark.parametrize("alone", ["CONSOLE_DB_TLS_CERTIFICATE", "CONSOLE_DB_TLS_KEY"])
def test_a_certificate_and_its_key_must_be_set_together(alone: str) -> None:
    ended = start(**{alone: "file.pem"})
    assert ended.returncode != 0 and "or neither of them" in ended.stderr


@pytest.mark.parametrize("keys", ["short", "not base64 at all!", "c2hvcnQ="])
def test_an_invalid_key_is_rejected_and_not_shown(keys: str) -> None:
    ended = start(CONSOLE_CREDENTIAL_KEYS=keys)
    assert ended.returncode != 0 and "CONSOLE_CREDENTIAL_KEYS has a key that is not" in ended.stderr
    assert f"'{keys}'" not in ended.stderr
