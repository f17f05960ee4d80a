"""A console to break: the real process tree, instances with their clients, and requests that are repeated."""

import contextlib
import http.client
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.backups import existing
from tests.deployments import PASSWORD, USER, Deployment
from tests.e2e.console import Answer, Console
from tests.faults.findings import Kind, require
from tests.faults.ledger import Document, Held, Ledger
from tests.waiting import wait_for

LEASE_SECONDS = 6.0
# Time limit for the console to come to rest by itself after a fault.
REST_SECONDS = 90.0
# The remaining processes of a killed `up` must end within this time.
GONE_SECONDS = 20.0
_ASK_SECONDS = 60.0


@dataclass
class Copy:
    """A Complete backup, or an instance restored from one: its id, and the documents it must contain."""

    id: str
    name: str
    held: Held


@dataclass
class Subject:
    """An instance with a client, backed up and restored again and again. An existing one has a server of its own."""

    id: str
    name: str
    ledger: Ledger
    is_existing: bool = False
    backups: list[Copy] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.ledger.port


class Site(Console):
    """`subjects` have clients; `copies` are the other instances, by id, with the documents they must contain.

    With `with_deployment`, one more subject is an existing deployment.
    """

    def __init__(self, home: Path, *, subjects: int = 2, with_deployment: bool = False, **environment: str) -> None:
        environment = {"CONSOLE_LEASE_SECONDS": f"{LEASE_SECONDS:g}"} | environment
        super().__init__(home, demo=False, **environment)
        self.count = subjects
        self.deployment = Deployment(home.with_name(f"deployment-of-{home.name}")) if with_deployment else None
        self.subjects: list[Subject] = []
        self.copies: dict[str, Copy] = {}
        # Documents of the archives opened so far, by SHA-256 of the archive.
        self.opened: dict[str, frozenset[Document]] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            for number in range(self.count):
                self.subjects.append(self.make_subject(f"subject-{number}"))
            if self.deployment:
                self.subjects.append(self.make_existing_subject(self.deployment, "existing"))
        except BaseException:
            self.kill_all()
            raise
        return self

    def sign_in(self, *arguments: str) -> None:
        super().sign_in(*arguments)
        # The session has one token for all forms, so each submission takes a single request.
        self._token = self._find_token("/instances/create/")

    # --- Requests -----------------------------------------------------------------------------------------------

    def ask(self, path: str, data: dict[str, str]) -> Answer:
        """Submit the form; if no answer comes, submit it again, as a user would after a browser error."""
        deadline = time.monotonic() + _ASK_SECONDS
        while True:
            try:
                answer = self.post(path, data)
            except (OSError, http.client.HTTPException) as error:
                require(time.monotonic() < deadline, Kind.STUCK, f"{path} is not answered: {error!r}")
                time.sleep(0.1)
                continue
            # 404, 409 and 422 mean that it has already been done, or cannot be done.
            require(answer.status < 500, Kind.BROKEN, f"{path} answered {answer.status}: {answer.text[:300]}")
            return answer

    def ask_create(self, name: str) -> Answer:
        data = {"name": name, "type": "Single", "request_key": secrets.token_hex(16)}
        data |= {"password": self.instance_password, "confirmation": self.instance_password}
        return self.ask("/instances/create/", data)

    def ask_backup(self, instance_id: str, name: str) -> Answer:
        data = {"name": name, "description": "", "request_key": secrets.token_hex(16)}
        return self.ask(f"/instances/{instance_id}/backups/create/", data)

    def ask_restore_new(self, backup_id: str, name: str) -> Answer:
        data = {"name": name, "request_key": secrets.token_hex(16)}
        # The dump of an existing deployment has no administrator.
        data |= {"password": self.instance_password, "confirmation": self.instance_password}
        return self.ask(f"/backups/{backup_id}/restore/", data)

    def ask_restore_original(self, backup_id: str, name: str, *, safety: bool = False) -> Answer:
        data = {"confirm": name, "request_key": secrets.token_hex(16)} | ({"safety_backup": "on"} if safety else {})
        return self.ask(f"/backups/{backup_id}/restore-to-original/", data)

    def ask_delete_instance(self, instance_id: str, name: str, *, final_backup: bool = False) -> Answer:
        data = {"confirm": name} | ({"final_backup": "on"} if final_backup else {})
        return self.ask(f"/instances/{instance_id}/delete/", data)

    def ask_delete_backup(self, backup_id: str) -> Answer:
        return self.ask(f"/backups/{backup_id}/delete/", {})

    # --- Work that has to succeed -------------------------------------------------------------------------------

    def make_instance(self, name: str) -> dict[str, Any]:
        self.ask_create(name)
        row = self.wait_available(name)
        self.turn_policy_off(row["id"])
        return row

    def turn_policy_off(self, instance_id: str) -> None:
        """Turn the policy off, so that no backup starts by itself and every expired backup is deleted."""
        self.ask(f"/instances/{instance_id}/backup-policy/", {})

    def make_subject(self, name: str) -> Subject:
        row = self.make_instance(name)
        return self._begun(Subject(row["id"], name, Ledger(row["port"])))

    def make_existing_subject(self, deployment: Deployment, name: str) -> Subject:
        """Start the deployment and add it; kill_all() ends it."""
        deployment.__enter__()
        row = existing.add(self, name, deployment)
        require(row["state"] == "normal", Kind.BROKEN, f"the deployment cannot be added: {row['failure']}")
        self.turn_policy_off(row["id"])
        ledger = Ledger(deployment.port, user=USER, password=PASSWORD)
        return self._begun(Subject(row["id"], name, ledger, is_existing=True))

    def _begun(self, subject: Subject) -> Subject:
        subject.ledger.insert(20)
        self.make_backup(subject, f"{subject.name}-first")
        return subject

    def _until_taken(self, ask: Callable[[], Answer]) -> None:
        """Retry while the request is refused: after a fault a host is offline until its agent's next heartbeat."""
        wait_for(lambda: ask().status != 422, seconds=REST_SECONDS, because="the request to be taken")

    def make_backup(self, subject: Subject, name: str) -> Copy:
        """Make a backup, which must become Complete."""
        before = subject.ledger.held()
        self._until_taken(lambda: self.ask_backup(subject.id, name))
        row = wait_for(lambda: self._ended_backup(name), seconds=REST_SECONDS, because=f"the end of {name}")
        require(row["status"] == "COMPLETED", Kind.BROKEN, f"the backup {name} failed: {row['failure']}")
        self.wait_available(subject.name)
        copy = Copy(row["id"], name, subject.ledger.held(since=before))
        subject.backups.append(copy)
        return copy

    def _ended_backup(self, name: str) -> dict[str, Any]:
        row = self.backup(name)
        return row if row and row["status"] != "BUILDING" else {}

    def make_copy(self, backup: Copy, name: str) -> Copy:
        """Restore the backup to a new instance, which must become Available."""
        self._until_taken(lambda: self.ask_restore_new(backup.id, name))
        row = wait_for(lambda: self._ended_instance(name), seconds=REST_SECONDS, because=f"the restoration {name}")
        require(row["state"] == "normal", Kind.BROKEN, f"the restoration to {name} failed: {row['failure']}")
        return self.keep(row, backup.held)

    def _ended_instance(self, name: str) -> dict[str, Any]:
        row = self.instance(name)
        return row if row and row["state"] != "creating" and not row["action"] else {}

    def keep(self, row: dict[str, Any], held: Held) -> Copy:
        """Add the instance to the copies."""
        self.turn_policy_off(row["id"])
        self.copies[row["id"]] = Copy(row["id"], row["name"], held)
        return self.copies[row["id"]]

    def remove_instance(self, instance_id: str) -> None:
        self.copies.pop(instance_id, None)
        self.ask_delete_instance(instance_id, self.instances.last(id=instance_id)["name"])
        wait_for(lambda: not self.instances.find(id=instance_id), seconds=REST_SECONDS, because="a deleted instance")

    def remove_backup(self, backup_id: str) -> None:
        self.ask_delete_backup(backup_id)
        wait_for(lambda: not self.backups.find(id=backup_id), seconds=REST_SECONDS, because="a deleted backup")

    # --- Clients ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self, subjects: Sequence[Subject]) -> Iterator[None]:
        with contextlib.ExitStack() as clients:
            for subject in subjects:
                clients.enter_context(subject.ledger.writing())
            yield

    @property
    def documents(self) -> int:
        """Return the number of documents acknowledged so far."""
        return sum(subject.ledger.documents for subject in self.subjects)

    # --- Processes ----------------------------------------------------------------------------------------------

    def start_again(self, killed: set[int]) -> None:
        """Start the process tree after `up` was killed, and check that the killed tree's processes end by themselves.

        If a new `up` starts too early, it must refuse in one sentence.
        """
        deadline = time.monotonic() + GONE_SECONDS
        while True:
            self.output.clear()
            try:
                self.start()
                break
            except AssertionError as error:
                require("Stop" in str(error) or "stop" in str(error), Kind.BROKEN, str(error))
                require(time.monotonic() < deadline, Kind.STUCK, f"up cannot be started again: {error}")
                time.sleep(0.2)
        left = killed
        while left := left & set(self.pids()):
            require(time.monotonic() < deadline, Kind.ORPHAN, f"processes of a killed up: {left}")
            time.sleep(0.1)

    def kill_all(self) -> None:
        """Kill all processes, for a console that need not stop in order, and its deployment."""
        if self.deployment:
            self.deployment.__exit__()
        while pids := self.pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.05)
