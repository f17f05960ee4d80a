"""A whole console in its own home: the real process tree, driven over HTTP as a browser without JavaScript."""

import http.cookiejar
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pymongo

from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "correct-horse-battery"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def connect(port: int) -> pymongo.MongoClient[dict[str, Any]]:
    """A driver on an instance's port; a context manager."""
    return pymongo.MongoClient("127.0.0.1", port, directConnection=True)


def _leads(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


@dataclass(frozen=True)
class Answer:
    status: int
    url: str
    text: str
    headers: dict[str, str]


class Console:
    """`manage.py up` on a free port with its own home. A context manager: leaving it stops the tree."""

    def __init__(self, home: Path, *, demo: bool = False, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.demo = demo
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("CONSOLE_", "DJANGO_"))},
            "CONSOLE_HOME": str(home),
            "CONSOLE_ADMIN_PASSWORD": PASSWORD,
            # Far from other consoles on this machine, which look for ports in the same way.
            # Below the ports that clients of this machine get for their ends of a connection.
            "CONSOLE_FIRST_DB_PORT": str(12_000 + secrets.randbelow(20_000)),
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.output: list[str] = []
        self._token = ""
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def __enter__(self) -> Self:
        try:
            self.start()
            self.sign_in()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- The process tree -------------------------------------------------------------------------

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port", str(self.port), *([] if self.demo else ["--no-demo"])],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        ready = threading.Event()
        threading.Thread(target=self._read, args=[self.process, ready], daemon=True).start()
        wait_for(lambda: ready.is_set() or self.process.poll() is not None, seconds=60, because="starting")
        assert self.process.poll() is None, "".join(self.output)

    def _read(self, process: "subprocess.Popen[str]", ready: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line)
            if "The console is ready" in line:
                ready.set()

    def stop(self) -> float:
        """Stop the tree as Ctrl-C does; return the seconds it took."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("up did not stop:\n" + "".join(self.output)) from None
        return time.monotonic() - started

    def pids(self) -> dict[int, str]:
        """The processes of this console, by pid, found by their environment: also those nobody waits for."""
        mine = f"CONSOLE_HOME={self.home}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if mine not in (entry / "environ").read_bytes().split(b"\0"):
                    continue
                if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                    continue
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
        return found

    def pid_of(self, part: str) -> int:
        """The process whose command line holds the text: the leader of its group, not a worker that it started."""

        def leader() -> int:
            return next((pid for pid, line in self.pids().items() if part in line and _leads(pid)), 0)

        return wait_for(leader, because=part)

    # --- HTTP -------------------------------------------------------------------------------------

    def get(self, path: str, **headers: str) -> Answer:
        return self._open(urllib.request.Request(self.url + path, headers=headers))

    def post(self, path: str, data: dict[str, Any], **headers: str) -> Answer:
        """Submit a form as its page would: with the page's CSRF token."""
        token = self._token or self._find_token(path)
        body = urllib.parse.urlencode({**data, "csrfmiddlewaretoken": token}).encode()
        return self._open(urllib.request.Request(self.url + path, data=body, headers=headers))

    def _find_token(self, path: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path).text)
        assert found, f"{path} has no form"
        return found.group(1)

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=20) as answer:
                return Answer(answer.status, answer.url, answer.read().decode(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.url or "", error.read().decode(), dict(error.headers))

    def sign_in(self, username: str = "admin", password: str = PASSWORD) -> None:
        self._token = self._find_token("/sign-in/")
        answer = self.post("/sign-in/", {"username": username, "password": password})
        assert answer.status == 200 and "/sign-in/" not in answer.url, answer
        self._token = ""

    # --- What the console's own database says -------------------------------------------------------

    def query(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        connection = sqlite3.connect(f"file:{self.home}/console.sqlite3?mode=ro", uri=True, timeout=20)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, parameters)]
        finally:
            connection.close()

    def instance(self, name: str) -> dict[str, Any]:
        rows = self.query("SELECT * FROM instances_instance WHERE name = ?", name)
        return rows[0] if rows else {}

    def backup(self, name: str) -> dict[str, Any]:
        rows = self.query("SELECT * FROM backups_backup WHERE name = ?", name)
        return rows[0] if rows else {}

    # --- What tests do often ------------------------------------------------------------------------

    def create_instance(self, name: str, kind: str = "ReplicaSet") -> dict[str, Any]:
        """Create an instance through its form and wait until it is Available."""
        answer = self.post("/instances/create/", {"name": name, "type": kind})
        assert answer.status == 200, answer
        return self.wait_available(name)

    def wait_available(self, name: str) -> dict[str, Any]:
        def available() -> dict[str, Any] | None:
            row = self.instance(name)
            assert row.get("state") != "createfail", row
            return row if row and row["state"] == "normal" and row["action"] == "" else None

        row = wait_for(available, because=f"{name} Available")
        assert row is not None
        return row

    def create_backup(self, instance_id: str, name: str, description: str = "") -> Answer:
        return self.post(
            f"/instances/{instance_id}/backups/create/",
            {"name": name, "description": description, "request_key": secrets.token_hex(16)},
        )

    def wait_backup(self, name: str, status: str = "COMPLETED", *, seconds: float = 60) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            row = self.backup(name)
            return row if row and row["status"] != "BUILDING" else None

        row = wait_for(ended, seconds=seconds, because=f"the end of {name}")
        assert row is not None and row["status"] == status, row
        return row

    def wait_running(self, kind: str) -> None:
        """Wait until the agent is doing a job of the kind."""
        wait_for(
            lambda: self.query("SELECT 1 FROM instances_job WHERE kind = ? AND status = 'Running'", kind),
            because=f"a running {kind}",
        )

    def archive(self, backup: dict[str, Any]) -> Path:
        return self.home / "backups" / f"{backup['id']}.tar.zst"
