"""If the agent dies during restores to the original, each instance has one complete generation of documents."""

import os
import random
import signal
import threading
import time
from typing import Any

from tests.e2e.console import Console
from tests.e2e.contents import generations, put
from tests.e2e.restorations import make_backed_up, of, restoration, restore_to_original
from tests.waiting import wait_for

Pair = tuple[dict[str, Any], dict[str, Any]]

# Each kill interrupts the restores of two instances, each at a different moment.
KILLS = 5
# `up` treats five deaths of its agent within a minute as a crash loop that restarts do not fix.
KILLS_OF_ONE_TREE = 4


def test_killing_the_agent_at_ten_moments_of_a_restore_leaves_the_current_or_the_restored_documents(
    fresh_console: Console,
) -> None:
    console = fresh_console
    pairs = [make_backed_up(console, name) for name in ("first", "second")]
    began = time.monotonic()
    for instance, backup in pairs:
        restore_to_original(console, backup, instance["name"], safety=True)
    for instance, _ in pairs:
        restoration(console, instance["id"])
    seconds = time.monotonic() - began
    for instance, _ in pairs:
        console.wait_available(instance["name"])
        assert generations(instance["port"]) == of("old")

    for kill in range(KILLS):
        if kill == KILLS_OF_ONE_TREE:
            console.stop()
            console.start()
        for instance, _ in pairs:
            console.wait_available(instance["name"])
            put(instance["port"], "new")
        kill_in_restores(console, pairs, seconds, safety=kill % 2 == 0)

    for instance, _ in pairs:
        home = console.home / "instances" / instance["id"]
        wait_for(lambda: [path.name for path in home.glob("data*")] == ["data"], because="no leftovers")  # noqa: B023
    assert not [row for row in console.backups.find() if row["status"] == "BUILDING" or row["uses"]]


def kill_in_restores(console: Console, pairs: list[Pair], seconds: float, *, safety: bool) -> None:
    """Start a restore of each pair, kill the agent at a random moment of each, and check the documents."""
    agent = console.pid_of("manage.py agent")
    drawn = sorted((random.uniform(0, seconds) for _ in pairs), reverse=True)
    timers = [
        threading.Timer(drawn[0] - moment, restore_to_original, [console, backup, instance["name"]], {"safety": safety})
        for moment, (instance, backup) in zip(drawn, pairs, strict=True)
    ]
    timers.append(threading.Timer(drawn[0], os.kill, [agent, signal.SIGKILL]))
    for timer in timers:
        timer.start()
    for timer in timers:
        timer.join()
    wait_for(lambda: console.pid_of("manage.py agent") != agent, because="a new agent")
    for moment, (instance, _) in zip(drawn, pairs, strict=True):
        record = restoration(console, instance["id"])
        row = console.wait_available(instance["name"])
        expected = of("old" if record["status"] == "COMPLETED" else "new")
        assert generations(row["port"]) == expected, f"killed after {moment:.3f} of {seconds:.3f} s: {record}"
        assert row["port"] == instance["port"]
