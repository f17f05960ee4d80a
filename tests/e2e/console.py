"""The console for this project's own tests, which also read its database and files."""

import os
import re
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pymongo
from django.conf import settings
from psycopg.rows import dict_row

from console.testing.ports import free_port
from console.testing.server import ConsoleServer, manage_py
from console.testing.session import INSTANCE_PASSWORD, INSTANCE_USERNAME, PASSWORD, Answer
from console.text.messages import decode
from tests.waiting import wait_for

__all__ = ["INSTANCE_PASSWORD", "PASSWORD", "ROOT", "Answer", "Console", "connect", "free_port"]

ROOT = manage_py().parent

# Store the default policy with a window that never comes, even if the agent has already written the policy.
_NO_WINDOW = (
    "INSERT INTO backups_policy (instance_id, enabled, keep_days, start_hour, weekdays, next_window, at_once)"
    " VALUES (?, TRUE, 7, 2, '1,2,3,4,5,6,7', '2100-01-01 02:00:00+00:00', FALSE)"
    " ON CONFLICT (instance_id) DO UPDATE SET next_window = excluded.next_window"
)

# Outside pytest no settings are configured: configure them so that messages are decoded without translation.
if "DJANGO_SETTINGS_MODULE" not in os.environ:
    settings.configure(USE_I18N=False)


def connect(
    port: int, *, user: str = INSTANCE_USERNAME, password: str = INSTANCE_PASSWORD, **options: Any
) -> pymongo.MongoClient[dict[str, Any]]:
    """Return a driver, a context manager, connected to an instance's port as the administrator or another user."""
    return pymongo.MongoClient(
        "127.0.0.1", port, directConnection=True, username=user, password=password, authSource="admin", **options
    )


class Console(ConsoleServer):
    # --- The console's own database -----------------------------------------------------------------

    def query(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Return the rows, with stored messages in English."""
        return [
            {name: decode(value) if isinstance(value, str) else value for name, value in row.items()}
            for row in self._query(sql, parameters)
        ]

    def _query(self, sql: str, parameters: tuple[Any, ...]) -> list[dict[str, Any]]:
        if url := self.environment.get("DATABASE_URL"):
            with psycopg.connect(url, row_factory=dict_row) as postgresql:
                return postgresql.execute(sql.replace("?", "%s").encode(), parameters).fetchall()
        connection = sqlite3.connect(f"file:{self.home}/console.sqlite3?mode=ro", uri=True, timeout=20)
        try:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, parameters)]
        finally:
            connection.close()

    def execute(self, sql: str, *parameters: Any) -> None:
        """Change a row behind the console's back."""
        if url := self.environment.get("DATABASE_URL"):
            with psycopg.connect(url) as postgresql:
                postgresql.execute(sql.replace("?", "%s").encode(), parameters)
            return
        with closing(sqlite3.connect(self.home / "console.sqlite3", timeout=20)) as database, database:
            database.execute(sql, parameters)

    def instance(self, name: str) -> dict[str, Any]:
        rows = self.query("SELECT * FROM instances_instance WHERE name = ?", name)
        return rows[0] if rows else {}

    def backup(self, name: str) -> dict[str, Any]:
        rows = self.query("SELECT * FROM backups_backup WHERE name = ?", name)
        return rows[0] if rows else {}

    # --- Common steps -------------------------------------------------------------------------------

    def create_instance(
        self, name: str, kind: str = "ReplicaSet", *, windows: bool = False, **chosen: str
    ) -> dict[str, Any]:
        """Create an instance through its form and wait until it is Available.

        Without `windows` the instance still has the default policy, but its first window is years away: no automated
        backup starts when tests run across 02:00 UTC.
        """
        form = {"name": name, "type": kind, "request_key": secrets.token_hex(16)}
        form |= {"password": self.instance_password, "confirmation": self.instance_password}
        answer = self.post("/instances/create/", form | chosen)
        assert answer.status == 200, answer
        if not windows:
            self.execute(_NO_WINDOW, self.instance(name)["id"])
        return self.wait_available(name)

    def wait_available(self, name: str) -> dict[str, Any]:
        def available() -> dict[str, Any] | None:
            row = self.instance(name)
            assert row.get("state") != "createfail", row
            return row if row and row["state"] == "normal" and row["action"] == "" else None

        row = wait_for(available, because=f"{name} Available")
        assert row is not None
        return row

    def submit_backup(self, instance_id: str, name: str, description: str = "") -> Answer:
        """Submit the Create Backup form and return the response, whatever its status."""
        return self.post(
            f"/instances/{instance_id}/backups/create/",
            {"name": name, "description": description, "request_key": secrets.token_hex(16)},
        )

    def create_backup(self, instance_id: str, name: str, description: str = "") -> None:
        """Start a backup; fail with the text of the form if the console refuses it."""
        answer = self.submit_backup(instance_id, name, description)
        assert answer.status == 200, f"{answer.status}: {' '.join(re.sub('<[^>]*>', ' ', answer.text).split())}"

    def wait_backup(self, name: str, status: str = "COMPLETED", *, seconds: float = 60) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            row = self.backup(name)
            return row if row and row["status"] != "BUILDING" else None

        try:
            row = wait_for(ended, seconds=seconds, because=f"the end of {name}")
        except AssertionError as error:
            error.add_note(f"{self.backup(name)}\n{self.query('SELECT * FROM instances_job WHERE ended IS NULL')}")
            raise
        assert row is not None and row["status"] == status, row
        return row

    def wait_copying(self, name: str) -> None:
        """Wait until the backup of this name reports progress."""
        sql = "SELECT job.progress FROM instances_job job JOIN backups_backup made ON made.job_id = job.id"
        wait_for(
            lambda: self.query(f"{sql} WHERE made.name = ? AND job.progress > 0", name), because=f"copying for {name}"
        )

    def wait_running(self, kind: str) -> None:
        """Wait until the agent is running a job of this kind."""
        wait_for(
            lambda: self.query("SELECT 1 FROM instances_job WHERE kind = ? AND status = 'Running'", kind),
            because=f"a running {kind}",
        )

    def stored(self) -> list[str]:
        """Return the names of all files in the archive folder, complete or not, except the folder's id."""
        names = {path.name for path in (self.home / "backups").iterdir()} if (self.home / "backups").exists() else set()
        return sorted(names - {".storage-id"})

    def archive(self, backup: dict[str, Any]) -> Path:
        return self.home / "backups" / f"{backup['id']}.tar.zst"
