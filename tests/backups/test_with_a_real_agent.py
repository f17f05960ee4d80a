"""Backups of real servers by a real agent, end to end over HTTP, while a client writes or a process is killed."""

import hashlib
import json
import os
import re
import secrets
import signal
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from instances.engines import embedded
from instances.engines.base import Contents, Server
from tests.e2e.console import INSTANCE_PASSWORD, Console, connect
from tests.e2e.restorations import restoration, safety_backup
from tests.e2e.restorations import restore_to_original as begin
from tests.e2e.writer import Writer
from tests.waiting import wait_for

OLD, NEW = INSTANCE_PASSWORD, "New-secret-2"
MEGABYTE = 1024 * 1024
Row = dict[str, Any]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("console") / "home") as running:
        yield running


def server(console: Console, instance: Row) -> Server:
    return Server(instance["port"], console.home / "instances" / instance["id"])


def fill(instance: Row, megabytes: int) -> None:
    with connect(instance["port"]) as driver:
        for _ in range(megabytes):
            driver.bulk.bulk.insert_many([{"data": os.urandom(64 * 1024)} for _ in range(16)])


def numbers(instance: Row, database: str, password: str = OLD) -> set[int]:
    with connect(instance["port"], password=password) as driver:
        return {document["_id"] for document in driver[database].numbers.find({}, {"_id": 1})}


def counted(backup: Row) -> dict[str, int]:
    contents = Contents.from_document(_json(backup["contents"]))
    return {
        f"{database.name}.{collection.name}": collection.documents
        for database in contents.databases
        for collection in database.collections
    }


def _json(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text


def assert_one_moment(instance: Row, backup: Row, password: str = OLD) -> None:
    first, second = numbers(instance, "first", password), numbers(instance, "second", password)
    assert first == set(range(len(first))) and second == set(range(len(second)))
    assert len(second) <= len(first) <= len(second) + 1
    assert counted(backup) == {"first.numbers": len(first), "second.numbers": len(second)}


def restore_to_new(console: Console, backup: Row, name: str, password: str = "") -> Row:
    fields = {"name": name, "request_key": secrets.token_hex(16), "password": password, "confirmation": password}
    answer = console.post(f"/backups/{backup['id']}/restore/", fields)
    assert answer.status == 200, answer
    return console.wait_available(name)


def restore_to_original(console: Console, backup: Row, instance: Row, *, safety: bool) -> None:
    begin(console, backup, instance["name"], safety=safety)
    ended = restoration(console, instance["id"])
    assert (ended["status"], ended["failure"]) == ("COMPLETED", "")
    console.wait_available(instance["name"])


def verify(console: Console, backup: Row) -> Row:
    answer = console.post(f"/backups/{backup['id']}/verify/", {})
    assert answer.status == 200, answer

    def ended() -> Row:
        row = console.backup(backup["name"])
        return {} if row["verifying"] else row

    return wait_for(ended, because="the end of the verification")


def assert_next_backup_works(console: Console, instance: Row, name: str) -> None:
    console.wait_available(instance["name"])
    wait_for(lambda: console.leftovers() == [], because="no leftovers")
    console.create_backup(instance["id"], name)
    backup = console.wait_backup(name)
    assert console.archive(backup).stat().st_size == backup["size"]


def pid_of_server(console: Console, instance: Row) -> int:
    return next(pid for pid, line in console.pids().items() if "-m launcher" in line and instance["id"] in line)


def test_a_backup_can_be_restored_in_every_way(console: Console, tmp_path: Path) -> None:
    instance = console.create_instance("orders", "ReplicaSet")
    key = secrets.token_hex(16)
    with Writer(instance["port"]) as writer:
        wait_for(lambda: writer.acknowledged >= 50)
        console.create_backup(instance["id"], "from-the-row")
        by_row = console.wait_backup("from-the-row")
        wait_for(lambda: console.instance("orders")["action"] == "")
        answer = console.post(
            "/backups/create/",
            {"instance_type": "ReplicaSet", "instance": instance["id"], "name": "from-management", "request_key": key},
        )
        assert answer.status == 200, answer
        console.wait_backup("from-management")
        wait_for(lambda: console.instance("orders")["action"] == "")
        own = console.post(
            f"/instances/{instance['id']}/backups/create/",
            {"name": "from-its-page", "request_key": secrets.token_hex(16)},
            form="/account/password/",
            **{"HX-Request": "true"},
        )
        assert own.status == 204, own
        backup = console.wait_backup("from-its-page")
        before = writer.acknowledged
        wait_for(lambda: writer.acknowledged > before + 20)
    assert writer.error is None
    assert by_row["cut_at"] < backup["cut_at"] and sum(counted(by_row).values()) < sum(counted(backup).values())
    assert numbers(instance, "first") == set(range(writer.acknowledged)), "the original goes on"

    page = console.get(f"/backups/{backup['id']}/").text
    for text in ("SecantusDB 0.7.0b3", "compatible with MongoDB 8.2", "WiredTiger", "first", "numbers", "_id_"):
        assert text in page, text

    copy = restore_to_new(console, backup, "orders-copy")
    assert_one_moment(copy, backup)

    verified = verify(console, backup)
    assert verified["verify_failure"] == "" and verified["verified_at"]
    assert _json(verified["verification"])["documents"] == sum(counted(backup).values())

    embedded().set_password(server(console, instance), NEW)
    restore_to_original(console, backup, instance, safety=True)
    assert_one_moment(instance, backup, NEW)
    with pytest.raises(OperationFailure, match="uthentication"):
        numbers(instance, "first", OLD)
    safety = safety_backup(console, instance["id"])
    assert safety["status"] == "COMPLETED"
    assert counted(safety) == dict.fromkeys(("first.numbers", "second.numbers"), writer.acknowledged)

    embedded().set_password(server(console, instance), "Third-secret-3")
    restore_to_original(console, safety, instance, safety=False)
    assert numbers(instance, "second", "Third-secret-3") == set(range(writer.acknowledged))

    archive = tmp_path / f"{backup['id']}.tar.zst"
    archive.write_bytes(download(console, backup))
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == backup["sha256"]
    said = console.manage("restore-archive", str(archive), "--new-id")
    imported = console.backups.last(id=re.findall(r"\((\w+br02)\)", said)[0])
    assert imported["status"] == "COMPLETED" and counted(imported) == counted(backup)
    assert_one_moment(restore_to_new(console, imported, "orders-imported", NEW), backup, NEW)
    wait_for(lambda: console.leftovers() == [], because="no leftovers")


def download(console: Console, backup: Row) -> bytes:
    request = urllib.request.Request(
        f"{console.url}/backups/{backup['id']}/download/", headers={"Cookie": console.cookies}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        content: bytes = answer.read()
    return content


def begin_slow_backup(console: Console, instance_name: str, backup_name: str) -> Row:
    """Create an instance with 64 documents; return it once its backup is being copied."""
    instance = console.create_instance(instance_name, "Single")
    fill(instance, 4)
    console.hooks.slow_next_backup(MEGABYTE)
    console.create_backup(instance["id"], backup_name)
    console.wait_copying(backup_name)
    return instance


def assert_nothing_lost(instance: Row) -> None:
    with connect(instance["port"]) as driver:
        assert driver.bulk.bulk.count_documents({}) == 64


def test_a_running_backup_is_cancelled_at_once(console: Console) -> None:
    instance = begin_slow_backup(console, "cancelled", "unwanted")
    backup = console.backup("unwanted")
    assert console.post(f"/backups/{backup['id']}/cancel/", {}).status == 200
    ended = console.wait_backup("unwanted", "CANCELLED")
    assert ended["failure"] == "cancelled by admin"
    assert_next_backup_works(console, instance, "wanted")


def test_a_server_killed_during_a_backup_fails_the_backup_and_loses_nothing(console: Console) -> None:
    instance = begin_slow_backup(console, "killed", "in-mid-backup")
    with connect(instance["port"]) as driver:
        driver.later.later.insert_one({"_id": 1})
    os.kill(pid_of_server(console, instance), signal.SIGKILL)
    ended = console.wait_backup("in-mid-backup", "FAILED", seconds=20)
    assert ended["failure"].endswith(".") and "server" in ended["failure"], ended["failure"]
    console.wait_available("killed")
    with connect(instance["port"]) as driver:
        assert driver.later.later.find_one() == {"_id": 1}
    assert_nothing_lost(instance)
    assert_next_backup_works(console, instance, "after-the-kill")


def test_an_agent_killed_during_a_backup_leaves_nothing(console: Console) -> None:
    instance = begin_slow_backup(console, "orphaned", "orphan")
    os.kill(console.pid_of("manage.py agent"), signal.SIGKILL)
    ended = console.wait_backup("orphan", "FAILED")
    assert ended["failure"] == "The agent stopped while this was running."
    console.wait_available("orphaned")
    assert_nothing_lost(instance)
    assert_next_backup_works(console, instance, "after-the-orphan")


def test_the_rate_limit_of_a_backup_is_observed(console: Console) -> None:
    instance = console.create_instance("slow", "Single")
    fill(instance, 2)
    console.hooks.slow_next_backup(4 * MEGABYTE)
    console.create_backup(instance["id"], "slowly")
    backup = console.wait_backup("slowly")
    job = console.job_of("slowly")
    took = seconds(job["ended"]) - seconds(job["started"])
    assert took >= 0.9 * (backup["data_size"] / (4 * MEGABYTE) - 1)


def seconds(moment: Any) -> float:
    return datetime.fromisoformat(str(moment)).timestamp()
