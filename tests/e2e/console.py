"""The console for this project's own tests, which also read its database and files."""

import re
import secrets
from pathlib import Path
from typing import Any

import pymongo

from console.testing.ports import free_port
from console.testing.server import ConsoleServer, manage_py
from console.testing.session import INSTANCE_PASSWORD, INSTANCE_USERNAME, PASSWORD, Answer
from tests.e2e.records import Records
from tests.waiting import wait_for

__all__ = ["INSTANCE_PASSWORD", "PASSWORD", "ROOT", "Answer", "Console", "connect", "free_port"]

ROOT = manage_py().parent

# The default policy with a window that never comes.
_NO_WINDOW = {"enabled": True, "keep_days": 7, "start_hour": 2, "weekdays": "1,2,3,4,5,6,7", "at_once": False}
_NO_WINDOW |= {"next_window": "2100-01-01 02:00:00+00:00"}


def connect(
    port: int, *, user: str = INSTANCE_USERNAME, password: str = INSTANCE_PASSWORD, **options: Any
) -> pymongo.MongoClient[dict[str, Any]]:
    """Return a driver, a context manager, connected to an instance's port as the administrator or another user."""
    return pymongo.MongoClient(
        "127.0.0.1", port, directConnection=True, username=user, password=password, authSource="admin", **options
    )


class Console(ConsoleServer):
    # --- The console's own database -----------------------------------------------------------------

    @property
    def instances(self) -> Records:
        return Records(self.environment, "instances_instance", "created")

    @property
    def backups(self) -> Records:
        return Records(self.environment, "backups_backup", "started")

    @property
    def jobs(self) -> Records:
        return Records(self.environment, "instances_job", "created")

    @property
    def restorations(self) -> Records:
        return Records(self.environment, "backups_restoration", "id")

    @property
    def policies(self) -> Records:
        return Records(self.environment, "backups_policy", "instance_id")

    @property
    def hosts(self) -> Records:
        return Records(self.environment, "instances_host", "name")

    def instance(self, name: str) -> dict[str, Any]:
        return self.instances.last(name=name)

    def backup(self, name: str) -> dict[str, Any]:
        return self.backups.last(name=name)

    def job_of(self, backup: str) -> dict[str, Any]:
        """Return the job of the backup of this name, or an empty row while it has none."""
        return self.jobs.last(id=self.backup(backup).get("job_id"))

    def automated(self, instance: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
        """Return the instance's automated backups, oldest first."""
        return self.backups.find(type="Auto", instance_uid=instance["id"], **wanted)

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
            self.policies.put("instance_id", instance_id=self.instance(name)["id"], **_NO_WINDOW)
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
            error.add_note(f"{self.backup(name)}\n{self.jobs.find(ended=None)}")
            raise
        assert row is not None and row["status"] == status, row
        return row

    def wait_copying(self, name: str) -> None:
        """Wait until the backup of this name reports progress."""
        wait_for(lambda: self.job_of(name).get("progress"), because=f"copying for {name}")

    def wait_running(self, kind: str) -> None:
        """Wait until the agent is running a job of this kind."""
        wait_for(lambda: self.jobs.find(kind=kind, status="Running"), because=f"a running {kind}")

    def stored(self) -> list[str]:
        """Return the names of all files in the archive folder, complete or not, except the folder's id."""
        names = {path.name for path in (self.home / "backups").iterdir()} if (self.home / "backups").exists() else set()
        return sorted(names - {".storage-id"})

    def leftovers(self) -> list[str]:
        """Return the staged and stored files that are not archives of complete backups."""
        whole = {self.archive(row).name for row in self.backups.find(status="COMPLETED")}
        staged = [str(path) for path in (self.home / "staging").rglob("*")]
        return staged + [name for name in self.stored() if name not in whole]

    def server_of(self, instance_id: str) -> int:
        """Return the pid of the instance's database server, or 0 if none is running."""
        mine = f"--home {self.home}/instances/{instance_id} "
        return next((pid for pid, line in self.pids().items() if mine in f"{line} "), 0)

    def archive(self, backup: dict[str, Any]) -> Path:
        return self.home / "backups" / f"{backup['id']}.tar.zst"
