"""Restorations over HTTP, between two generations of documents."""

import secrets
from typing import Any

from tests.e2e.console import Console
from tests.e2e.contents import put
from tests.waiting import wait_for


def make_backed_up(console: Console, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Create an instance with "new" documents and its backup, <name>-backup, with "old" ones; return both."""
    instance = console.create_instance(name, "Single")
    put(instance["port"], "old")
    console.create_backup(instance["id"], f"{name}-backup")
    backup = console.wait_backup(f"{name}-backup")
    console.wait_available(name)
    put(instance["port"], "new")
    return instance, backup


def of(generation: str) -> set[tuple[str, str, int]]:
    return {(database, generation, number) for database in ("shop", "users") for number in range(300)}


def restoration(console: Console, target: str) -> dict[str, Any]:
    """Wait for the latest restoration into the instance to end and return its row."""

    def ended() -> dict[str, Any]:
        row = console.restorations.last(target_uid=target)
        return row if row and row["status"] != "RUNNING" else {}

    return wait_for(ended, because="the end of the restoration")


def safety_backup(console: Console, instance_id: str) -> dict[str, Any]:
    """Return the only backup that a restore to the original has made of the instance."""
    rows = console.backups.find(instance_uid=instance_id)
    [safety] = [row for row in rows if row["name"].startswith("before-restore-")]
    return safety


def restore_to_original(console: Console, backup: dict[str, Any], name: str, *, safety: bool = False) -> None:
    fields = {"confirm": name, "request_key": secrets.token_hex(16)} | ({"safety_backup": "on"} if safety else {})
    answer = console.post(f"/backups/{backup['id']}/restore-to-original/", fields)
    assert answer.status == 200, answer
