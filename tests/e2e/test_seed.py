"""Seeding and resetting a running console: servers start, archives can be restored, and a reset removes everything."""

import pytest

from tests.e2e.console import Console, connect
from tests.e2e.contents import contents
from tests.e2e.restorations import restore_to_original
from tests.waiting import wait_for


def test_a_running_console_can_be_seeded_with_real_data_and_reset(fresh_console: Console) -> None:
    console = fresh_console
    mine = console.create_instance("made-by-hand")
    console.seed(instances=2, backups=4)

    instance = console.wait_available("shop-01")
    with connect(instance["port"]) as client:
        assert client["shop"]["orders"].count_documents({}) == 2400
        client["shop"]["orders"].delete_many({})
    full = contents(console.wait_available("sensors-02")["port"])
    assert full
    backup = console.backups.last(instance_uid=instance["id"], status="COMPLETED")
    console.post(f"/backups/{backup['id']}/restore-to-original/", {"confirm": "shop-01", "request_key": "1" * 32})
    console.wait_available("shop-01")
    with connect(instance["port"]) as client:
        assert client["shop"]["orders"].count_documents({}) == 2400
    # This instance has lost its files, and its backup brings them back.
    lost = console.backup("last-of-abnormal")
    assert console.instance("abnormal")["state"] == "abnormal"
    restore_to_original(console, lost, "abnormal")
    console.wait_available("abnormal")

    console.create_backup(mine["id"], "in-the-way")
    console.reset()
    for records in (console.instances, console.jobs, console.backups, console.restorations, console.policies):
        assert records.find() == []
    assert console.stored() == []
    wait_for(lambda: not list((console.home / "instances").iterdir()), because="no files of instances")
    assert [line for line in console.pids().values() if "engine.server" in line] == []
    # Users stay signed in, and the agent keeps working.
    assert console.get("/instances/").status == 200
    console.create_instance("after-all")


def test_without_test_hooks_a_reset_needs_the_confirming_option(console: Console) -> None:
    cautious = Console(console.home, CONSOLE_TEST_HOOKS="0")
    with pytest.raises(AssertionError, match="--yes-destroy"):
        cautious.manage("reset")
