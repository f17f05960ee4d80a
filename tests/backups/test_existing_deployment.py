"""An existing deployment in a real console: a real agent reaches a server that it neither starts nor supervises."""

import json
import os
import re
import resource
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backups import existing
from tests.backups.test_with_a_real_agent import MEGABYTE, download, restore_to_new, verify
from tests.deployments import PASSWORD, Deployment
from tests.e2e.console import INSTANCE_PASSWORD, Console, connect
from tests.e2e.restorations import restoration, safety_backup
from tests.waiting import wait_for

Row = dict[str, Any]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with Console(tmp_path_factory.mktemp("console") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment of this module's own, because the tests end and start it."""
    with Deployment(tmp_path_factory.mktemp("deployment")) as running:
        yield running


@pytest.fixture
def deployment(shared: Deployment) -> Deployment:
    shared.clear()
    return shared


@pytest.fixture
def instance(console: Console, deployment: Deployment) -> Row:
    """Return the deployment as an instance that was tested, with 300 documents."""
    put(deployment, "old")
    row = existing.add(console, f"deployment-{secrets.token_hex(4)}", deployment)
    assert (row["state"], row["failure"]) == ("normal", "")
    return row


def put(deployment: Deployment, generation: str) -> None:
    with deployment.client() as client:
        client.shop.orders.delete_many({})
        client.shop.orders.insert_many({"_id": number, "of": generation} for number in range(300))
        client.shop.orders.create_index("of")


def fill(deployment: Deployment, megabytes: int) -> None:
    with deployment.client() as client:
        for _ in range(megabytes):
            client.bulk.bulk.insert_many([{"data": os.urandom(64 * 1024)} for _ in range(16)])


def generations(client: Any) -> list[tuple[str, int]]:
    found = client.shop.orders.aggregate([{"$group": {"_id": "$of", "count": {"$sum": 1}}}])
    return [(each["_id"], each["count"]) for each in found]


def now(deployment: Deployment) -> list[tuple[str, int]]:
    with deployment.client() as client:
        return generations(client)


def backed_up(console: Console, instance: Row, name: str) -> Row:
    console.create_backup(instance["id"], name)
    return console.wait_backup(name)


def test_a_deployment_can_be_backed_up_and_restored_in_every_way(
    console: Console, deployment: Deployment, instance: Row, tmp_path: Path
) -> None:
    assert (instance["type"], instance["engine"], instance["port"]) == ("ReplicaSet", "SecantusDB", None)
    backup = backed_up(console, instance, "of-old")
    assert (backup["method"], backup["consistency"], backup["engine"]) == ("Logical", "one moment", "SecantusDB")
    put(deployment, "new")

    verified = verify(console, backup)
    assert verified["verify_failure"] == "" and json.loads(verified["verification"])["documents"] == 300

    existing.restore(console, backup, instance["name"], safety=True)
    ended = restoration(console, instance["id"])
    assert (ended["status"], ended["failure"]) == ("COMPLETED", "")
    existing.state(console, instance["name"], "normal")
    assert now(deployment) == [("old", 300)]
    assert safety_backup(console, instance["id"])["status"] == "COMPLETED"
    assert not (console.home / "instances" / instance["id"]).exists()

    copy = restore_to_new(console, backup, "copy", INSTANCE_PASSWORD)
    with connect(copy["port"]) as client:
        assert generations(client) == [("old", 300)]
        assert sorted(client.shop.orders.index_information()) == ["_id_", "of_1"]

    archive = tmp_path / f"{backup['id']}.tar.zst"
    archive.write_bytes(download(console, backup))
    said = console.manage("restore-archive", str(archive), "--new-id")
    imported = console.backups.last(id=re.findall(r"\((\w+br02)\)", said)[0])
    assert (imported["status"], imported["method"]) == ("COMPLETED", "Logical")
    wait_for(lambda: console.leftovers() == [], because="no leftovers")

    answer = console.post(f"/instances/{instance['id']}/delete/", {"confirm": instance["name"]})
    assert answer.status == 200, answer
    wait_for(lambda: not console.instance(instance["name"]), because="the removal")
    assert now(deployment) == [("old", 300)], "nothing on the deployment was touched"
    assert console.backup("of-old")["status"] == "COMPLETED"


def test_a_wrong_password_is_said_and_can_be_corrected(console: Console, deployment: Deployment) -> None:
    row = existing.add(console, "mistyped", deployment, password="wrong-secret")
    assert row["state"] == "createfail" and "password" in row["failure"], row["failure"]
    assert "wrong-secret" not in row["failure"]
    row = existing.edit(console, row, deployment, password=PASSWORD)
    assert (row["state"], row["failure"]) == ("normal", "")


def test_a_deployment_that_ends_during_a_backup_fails_it_and_is_shown_as_down_until_it_is_back(
    console: Console, deployment: Deployment, instance: Row
) -> None:
    # More than the agent reads ahead.
    fill(deployment, 24)
    console.hooks.slow_next_backup(4 * MEGABYTE)
    console.create_backup(instance["id"], "in-mid-dump")
    console.wait_copying("in-mid-dump")
    deployment.kill()
    try:
        ended = console.wait_backup("in-mid-dump", "FAILED", seconds=60)
        assert ended["failure"].endswith("."), ended["failure"]
        row = existing.state(console, instance["name"], "abnormal")
        assert "127.0.0.1" in row["failure"] and PASSWORD not in row["failure"]
        assert console.submit_backup(instance["id"], "too-early").status == 422
    finally:
        deployment.start()
    existing.state(console, instance["name"], "normal")
    assert console.leftovers() == []
    assert backed_up(console, instance, "after-the-end")["size"] > 4 * MEGABYTE


def test_a_full_disk_of_the_archives_fails_the_backup_and_leaves_nothing(
    console: Console, deployment: Deployment, instance: Row
) -> None:
    fill(deployment, 24)
    agent = console.pid_of("manage.py agent")
    before = resource.prlimit(agent, resource.RLIMIT_FSIZE)
    # Everything else that the agent writes is smaller than this.
    resource.prlimit(agent, resource.RLIMIT_FSIZE, (16 * MEGABYTE, before[1]))
    try:
        console.create_backup(instance["id"], "on-a-full-disk")
        ended = console.wait_backup("on-a-full-disk", "FAILED", seconds=60)
    finally:
        resource.prlimit(agent, resource.RLIMIT_FSIZE, before)
    assert "could not be written" in ended["failure"] and "Make room on the disk and try again." in ended["failure"]
    wait_for(lambda: console.leftovers() == [], because="no leftovers")
    with deployment.client() as client:
        status = client.admin.command("serverStatus")
        assert status["metrics"]["cursor"]["open"]["total"] == 0
        # A transaction that is still open would keep this waiting, or fail it.
        client.bulk.bulk.drop()
    existing.state(console, instance["name"], "normal")
    assert backed_up(console, instance, "with-room-again")["status"] == "COMPLETED"


@pytest.mark.parametrize("dies", ["the deployment", "the agent", "the disk"])
def test_an_interrupted_restoration_ends_with_the_data_from_before(
    console: Console, deployment: Deployment, instance: Row, dies: str
) -> None:
    fill(deployment, 24)
    backup = backed_up(console, instance, f"to-interrupt-{dies.split()[1]}")
    put(deployment, "new")
    existing.restore(console, backup, instance["name"])
    with deployment.client() as client:
        wait_for(lambda: len(client.bulk.list_collection_names()) > 1, because="documents beside the data")
    if dies == "the agent":
        os.kill(console.pid_of("manage.py agent"), 9)
    elif dies == "the disk":
        # The server writes nothing more, as on a full disk, until its administrator starts it again.
        resource.prlimit(deployment.pid, resource.RLIMIT_FSIZE, (4096, 4096))
        wait_for(lambda: restoration(console, instance["id"])["status"] == "FAILED", because="the end of the job")
        deployment.kill()
        deployment.start()
    else:
        deployment.kill()
        deployment.start()
    existing.state(console, instance["name"], "normal")
    ended = restoration(console, instance["id"])
    said = "Nothing was changed: " if dies == "the deployment" else "it has the data from before"
    assert ended["status"] == "FAILED" and said in ended["failure"], ended["failure"]
    assert dies != "the disk" or "If its disk is full, make room on it" in ended["failure"], ended["failure"]
    assert now(deployment) == [("new", 300)]
    with deployment.client() as client:
        assert client.bulk.list_collection_names() == ["bulk"] and client.shop.list_collection_names() == ["orders"]
    assert not (console.home / "instances" / instance["id"]).exists()
