"""Seeding and emptying a console that runs: its servers come up, its archives can be restored, and all of it goes."""

import pytest

from tests.e2e.console import Console, connect
from tests.e2e.contents import contents
from tests.e2e.restorations import restore_to_original
from tests.waiting import wait_for


def test_what_is_seeded_while_the_console_runs_is_real_and_can_be_emptied_away(fresh_console: Console) -> None:
    console = fresh_console
    mine = console.create_instance("made-by-hand")
    console.seed(instances=2, backups=4)

    instance = console.wait_available("shop-01")
    with connect(instance["port"]) as client:
        assert client["shop"]["orders"].count_documents({}) == 2400
        client["shop"]["orders"].delete_many({})
    full = contents(console.wait_available("sensors-02")["port"])
    assert full
    backup = console.query(
        "SELECT * FROM backups_backup WHERE instance_uid = ? AND status = 'COMPLETED' ORDER BY started DESC",
        instance["id"],
    )[0]
    console.post(f"/backups/{backup['id']}/restore-to-original/", {"confirm": "shop-01", "request_key": "1" * 32})
    console.wait_available("shop-01")
    with connect(instance["port"]) as client:
        assert client["shop"]["orders"].count_documents({}) == 2400
    # Lost files, and a backup that brings them back.
    lost = console.backup("last-of-abnormal")
    assert console.instance("abnormal")["state"] == "abnormal"
    restore_to_original(console, lost, "abnormal")
    console.wait_available("abnormal")

    console.create_backup(mine["id"], "in-the-way")
    console.reset()
    for table in ("instances_instance", "instances_job", "backups_backup", "backups_restoration", "backups_policy"):
        assert console.query(f"SELECT count(*) AS n FROM {table}") == [{"n": 0}], table
    assert console.stored() == []
    wait_for(lambda: not list((console.home / "instances").iterdir()), because="no files of instances")
    assert [line for line in console.pids().values() if "engine.server" in line] == []
    # Who was signed in still is, and the agent goes on.
    assert console.get("/instances/").status == 200
    console.create_instance("after-all")


def test_without_the_hooks_emptying_needs_the_home_by_its_name(console: Console) -> None:
    cautious = Console(console.home, CONSOLE_TEST_HOOKS="0")
    with pytest.raises(AssertionError, match="--yes-destroy"):
        cautious.manage("reset")
