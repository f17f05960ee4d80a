"""The procedures of console/README.md: copying the database, moving the home, recovering a lost home."""

import secrets
import shutil
import sqlite3
from pathlib import Path

from tests.e2e.console import Console, connect
from tests.waiting import wait_for

NAME = "before-move"


def copy_database(home: Path, target: Path) -> None:
    """Copy the database while the console runs, as `sqlite3 console.sqlite3 ".backup ..."` does."""
    source, copy = sqlite3.connect(home / "console.sqlite3"), sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def documents(console: Console) -> int:
    with connect(console.instance("orders")["port"]) as client:
        return client.shop.orders.count_documents({})


def restore_to_original(console: Console) -> None:
    backup = console.backup(NAME)
    answer = console.post(
        f"/backups/{backup['id']}/restore-to-original/", {"confirm": "orders", "request_key": secrets.token_hex(16)}
    )
    assert answer.status == 200, answer
    wait_for(lambda: documents_or_none(console) == 1, because="the restored documents")


def documents_or_none(console: Console) -> int | None:
    row = console.instance("orders")
    return documents(console) if row["state"] == "normal" and row["action"] == "" else None


def test_a_home_can_be_moved_and_a_lost_home_recovered_from_a_copy(tmp_path: Path) -> None:
    safe = tmp_path / "safe"
    safe.mkdir()
    with Console(tmp_path / "home") as console:
        instance = console.create_instance("orders")
        with connect(instance["port"]) as client:
            client.shop.orders.insert_one({"item": "lamp"})
        console.create_backup(instance["id"], NAME)
        console.wait_backup(NAME)
        copy_database(console.home, safe / "console.sqlite3")
        shutil.copy(console.home / "secret.key", safe)
        shutil.copytree(console.home / "backups", safe / "backups")

    ports = console.environment["CONSOLE_FIRST_DB_PORT"]
    moved = tmp_path / "elsewhere" / "home"
    moved.parent.mkdir()
    console.home.rename(moved)
    with Console(moved, CONSOLE_FIRST_DB_PORT=ports) as there:
        there.wait_available("orders")
        assert documents(there) == 1
        assert there.get(f"/backups/{there.backup(NAME)['id']}/").status == 200

    with Console(safe, CONSOLE_FIRST_DB_PORT=ports) as again:
        wait_for(lambda: "data directory" in again.instance("orders")["failure"], because="Abnormal, and why")
        restore_to_original(again)
