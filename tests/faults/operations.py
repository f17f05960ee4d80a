"""The operations that faults interrupt: how each begins, and how it may end."""

import secrets
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from tests.faults.findings import Kind, require
from tests.faults.ledger import Held
from tests.faults.site import Copy, Site, Subject

COMPLETED, FAILED, NOT_BEGUN = "completed", "failed", "not begun"
_EXPIRED = "2020-01-01 00:00:00"
# The end of the reason of a failed restoration to a deployment that the agent then finished.
_RESTORED_AFTER_ALL = "it has the restored data."


class Operation(ABC):
    """One operation on one subject or its copies. No other operation has the same `name`."""

    kind: ClassVar[str]
    # If set, the subject's client must not write meanwhile, because the operation replaces its documents.
    quiet: ClassVar[bool] = False

    def __init__(self, site: Site, subject: Subject) -> None:
        self.site, self.subject = site, subject
        self.name = f"op-{secrets.token_hex(4)}"
        self.before = subject.ledger.held()
        # The reason of a failure.
        self.reason = ""

    def prepare(self) -> None:  # noqa: B027  # most need nothing
        """Create what the operation needs."""

    def begin(self) -> None:
        """Request the operation, and record what the instance contains at that moment."""
        self.before = self.subject.ledger.held()
        self.ask()

    @abstractmethod
    def ask(self) -> None: ...

    def under_way(self) -> bool:
        """Return whether the operation has yet to begin, if it begins by itself some time after the request."""
        return False

    @abstractmethod
    def conclude(self) -> str:
        """Return how the operation ended, once the console is at rest. Raises Finding if that end is not allowed."""

    @property
    def failed(self) -> bool:
        return bool(self.reason)

    @property
    def victim(self) -> str:
        """Return the id of the instance whose server works on the operation."""
        return self.subject.id

    def explained(self, reason: str) -> str:
        """Record a failure whose reason helps people. Raises Finding if there is no such reason."""
        require(reason, Kind.BROKEN, f"{self.kind} failed without a reason")
        require("Unexpected" not in reason, Kind.BROKEN, f"{self.kind} failed so: {reason}")
        self.reason = reason
        return FAILED


class Create(Operation):
    kind = "create"

    def ask(self) -> None:
        self.site.ask_create(self.name)

    def conclude(self) -> str:
        row = self.site.instance(self.name)
        if not row:
            return NOT_BEGUN
        if row["state"] == "normal":
            self.site.keep(row, Held())
            return COMPLETED
        self.explained(row["failure"])
        self.site.remove_instance(row["id"])
        return FAILED

    @property
    def victim(self) -> str:
        return str(self.site.instance(self.name).get("id", ""))


class Backup(Operation):
    kind = "backup"

    def ask(self) -> None:
        self.site.ask_backup(self.subject.id, self.name)

    def conclude(self) -> str:
        rows = self.site.backups.find(name=self.name)
        require(len(rows) < 2, Kind.BROKEN, f"one request made {len(rows)} backups")
        if not rows:
            return NOT_BEGUN
        if rows[0]["status"] == "COMPLETED":
            held = self.subject.ledger.held(since=self.before)
            self.subject.backups.append(Copy(rows[0]["id"], self.name, held))
            return COMPLETED
        return self.explained(rows[0]["failure"])


class RestoreNew(Operation):
    kind = "restore to new"

    def ask(self) -> None:
        self.backup = self.subject.backups[-1]
        self.site.ask_restore_new(self.backup.id, self.name)

    def conclude(self) -> str:
        rows = self.site.restorations.find(target_name=self.name)
        require(len(rows) < 2, Kind.BROKEN, f"one request made {len(rows)} restorations")
        if not rows:
            return NOT_BEGUN
        target = self.site.instance(self.name)
        if rows[0]["status"] == "COMPLETED":
            require(target and target["state"] == "normal", Kind.BROKEN, f"restored, the instance is {target}")
            self.site.keep(target, self.backup.held)
            return COMPLETED
        self.explained(rows[0]["failure"])
        self.site.remove_instance(target["id"])
        return FAILED

    @property
    def victim(self) -> str:
        return str(self.site.instance(self.name).get("id", ""))


class RestoreOriginal(Operation):
    """A restore to the original; every second one backs up current data first."""

    kind = "restore to original"
    quiet = True

    def prepare(self) -> None:
        # The restore removes these documents.
        self.subject.ledger.insert(10)

    def ask(self) -> None:
        self.backup = self.subject.backups[0]
        self.safety = int(self.name[-1], 16) % 2 == 0
        self.site.ask_restore_original(self.backup.id, self.subject.name, safety=self.safety)

    def conclude(self) -> str:
        row = self.site.restorations.last(target_uid=self.subject.id, way="original")
        if not row or row["id"] <= self._last:
            return NOT_BEGUN
        safety = self.site.backups.last(id=row["safety_backup_id"]) if row["safety_backup_id"] else {}
        if safety.get("status") == "COMPLETED":
            self.subject.backups.append(Copy(safety["id"], safety["name"], self.before))
        if row["status"] == "COMPLETED" or _RESTORED_AFTER_ALL in row["failure"]:
            found = self.subject.ledger.stored()
            self.backup.held.verify(found, f"{self.subject.name}, restored")
            require(not self.safety or safety["status"] == "COMPLETED", Kind.LOST, "the safety backup of a restore")
            self.subject.ledger.reset(found)
        return self.explained(row["failure"]) if row["status"] == "FAILED" else COMPLETED

    def begin(self) -> None:
        self._last = self.site.restorations.last().get("id", 0)
        super().begin()


class DeleteInstance(Operation):
    """A deletion; every second one with a final backup, without which the instance must stay."""

    kind = "delete instance"

    def prepare(self) -> None:
        if not self.site.copies:
            self.site.make_copy(self.subject.backups[-1], f"{self.name}-copy")
        self.copy = next(iter(self.site.copies.values()))

    def ask(self) -> None:
        self.final = int(self.name[-1], 16) % 2 == 0
        self.site.ask_delete_instance(self.copy.id, self.copy.name, final_backup=self.final)

    def conclude(self) -> str:
        job = self.site.jobs.last(kind="delete-instance", instance_uid=self.copy.id)
        final = self.site.backups.last(job_id=job["id"]) if job else {}
        row = self.site.instances.last(id=self.copy.id)
        if not row:
            self.site.copies.pop(self.copy.id)
            require(not self.final or final["status"] == "COMPLETED", Kind.LOST, "the final backup of an instance")
            return COMPLETED
        # The check of all instances covers its documents.
        require(not final or final["status"] != "BUILDING", Kind.BROKEN, "a final backup that does not end")
        return self.explained(job["failure"]) if job else NOT_BEGUN

    @property
    def victim(self) -> str:
        return self.copy.id


class DeleteBackup(Operation):
    kind = "delete backup"

    def prepare(self) -> None:
        self.backup = self.site.make_backup(self.subject, self.name)
        # The deletion decides whether the backup stays.
        self.subject.backups.remove(self.backup)

    def ask(self) -> None:
        self.site.ask_delete_backup(self.backup.id)

    def conclude(self) -> str:
        row = self.site.backups.last(id=self.backup.id)
        if not row:
            return COMPLETED
        if row["status"] == "COMPLETED":
            self.subject.backups.append(self.backup)
            job = self.site.jobs.last(id=row["job_id"])
            return self.explained(job["failure"]) if job["kind"] == "delete-backup" else NOT_BEGUN
        self.explained(row["failure"])
        self.site.remove_backup(self.backup.id)
        return FAILED


class Expire(DeleteBackup):
    kind = "expire"

    def ask(self) -> None:
        self.site.backups.change({"id": self.backup.id}, type="Auto", expires=_EXPIRED)

    def under_way(self) -> bool:
        row = self.site.backups.last(id=self.backup.id)
        return bool(row) and row["status"] == "COMPLETED" and not self._tried(row)

    def _tried(self, row: dict[str, Any]) -> bool:
        """Return whether the deletion was tried; the console tries a failed one again only a day later."""
        return bool(self.site.jobs.find(id=row["job_id"], kind="delete-backup"))

    def conclude(self) -> str:
        ended = super().conclude()
        if ended == FAILED and self.site.backups.last(id=self.backup.id):
            self.site.backups.change({"id": self.backup.id}, type="Manual", expires=None)
        return ended


class Verify(Operation):
    kind = "verify"

    def ask(self) -> None:
        self.backup = self.subject.backups[-1]
        self.site.ask(f"/backups/{self.backup.id}/verify/", {})

    def conclude(self) -> str:
        row = self.site.backups.last(id=self.backup.id)
        if row["verify_failure"]:
            return self.explained(row["verify_failure"])
        return COMPLETED if row["verified_at"] else NOT_BEGUN


# The operations that kills interrupt.
OPERATIONS: tuple[type[Operation], ...] = (
    Create,
    Backup,
    RestoreNew,
    RestoreOriginal,
    DeleteInstance,
    DeleteBackup,
    Expire,
)
