"""If the agent dies in the middle of a backup, no data is lost, nothing is stuck and no files are left behind."""

import os
import signal
from pathlib import Path

from tests.e2e.console import Console, connect
from tests.e2e.writer import Writer
from tests.waiting import wait_for


def test_a_killed_agent_fails_its_backup_and_leaves_nothing_behind(tree: Console) -> None:
    console = tree
    instance = console.create_instance("cut-short")
    console.hooks.slow_next_backup(2_000_000)
    with Writer(instance["port"]) as writer:
        wait_for(lambda: writer.acknowledged > 20)
        console.create_backup(instance["id"], "cut-short")
        console.wait_copying("cut-short")
        os.kill(console.pid_of("manage.py agent"), signal.SIGKILL)
        row = console.wait_backup("cut-short", "FAILED")
        acknowledged = writer.acknowledged
    assert row["failure"] == "The agent stopped while this was running."
    console.wait_available("cut-short")
    wait_for(lambda: console.leftovers() == [], because="no leftovers")
    with connect(instance["port"]) as client:
        stored = {document["_id"] for document in client["second"]["numbers"].find({}, {"_id": 1})}
    assert stored >= set(range(acknowledged))

    console.create_backup(instance["id"], "the-next-one")
    done = console.wait_backup("the-next-one")
    assert console.archive(done).exists()
    wait_for(lambda: console.leftovers() == [], because="no leftovers")
    assert console.instance("cut-short")["action"] == ""


def test_stopping_the_console_fails_a_running_backup(tree: Console) -> None:
    console = tree
    instance = console.create_instance("stopped")
    console.hooks.slow_next_backup(1_000_000)
    console.create_backup(instance["id"], "stopped")
    console.wait_copying("stopped")
    console.stop()
    row = console.backup("stopped")
    assert (row["status"], row["failure"]) == ("FAILED", "The agent was stopped while this was running.")
    wait_for(lambda: console.leftovers() == [], because="no leftovers")
    assert console.pids() == {}


def test_stopping_with_time_to_drain_lets_the_backup_finish(tmp_path: Path) -> None:
    with Console(tmp_path / "home", CONSOLE_DRAIN_SECONDS="60") as console:
        instance = console.create_instance("drained")
        console.hooks.slow_next_backup(2_000_000)
        console.create_backup(instance["id"], "finished-first")
        console.wait_running("backup")
        console.stop()
        backup = console.backup("finished-first")
    assert backup["status"] == "COMPLETED" and console.archive(backup).exists()
    assert console.pids() == {}


def test_two_instances_are_backed_up_at_the_same_time(console: Console) -> None:
    instances = [console.create_instance(name) for name in ("first", "second")]
    # The first backup to start is still running when the other one has ended.
    console.hooks.slow_next_backup(2_000_000)
    for instance in instances:
        console.create_backup(instance["id"], f"of-{instance['name']}")
    for instance in instances:
        console.wait_backup(f"of-{instance['name']}")
    jobs = [console.job_of(f"of-{instance['name']}") for instance in instances]
    assert jobs[0]["started"] < jobs[1]["ended"] and jobs[1]["started"] < jobs[0]["ended"]
