"""A restoration leaves the old or the restored data, whatever ends in the middle of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database as DriverDatabase
from pymongo.errors import AutoReconnect, PyMongoError

from instances.engines.base import Client, EngineError
from instances.engines.deployment import exchange
from tests.instances.engines.deployment.exchange.restoring import (
    ELSEWHERE,
    MOVED,
    RESTORED,
    STEPS,
    Died,
    restore,
    settle,
    state,
)
from tests.instances.engines.servers import Server


def test_the_steps_are_counted(client: Client, tmp_path: Path, die_before: Callable[[int], list[str]]) -> None:
    steps = die_before(10_000)

    restore(client, tmp_path)

    assert len(steps) == STEPS, steps


@pytest.fixture(params=[True, False], ids=["UUIDs", "no UUIDs"])
def uuids(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the test with a server that lists UUIDs, and with one that lists none."""
    with pytest.MonkeyPatch.context() as patched:
        if not request.param:
            patched.setattr(exchange, "_uuid", lambda _found: "")
        yield


@pytest.mark.usefixtures("uuids")
@pytest.mark.parametrize("number", range(STEPS))
def test_a_crash_of_the_agent_leaves_the_old_or_the_restored_data(
    client: Client,
    other: Client,
    tmp_path: Path,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    die_before: Callable[[int], list[str]],
) -> None:
    before, elsewhere = state(client), state(other)
    steps = die_before(number)
    with pytest.raises(Died):
        restore(client, tmp_path)
    monkeypatch.undo()
    begun, marked = "exchanging" in steps, "loading" in steps and "restored" not in steps
    assert exchange.unsettled(tmp_path) == bool(list(tmp_path.glob("exchange.json")))

    if marked:
        with pytest.raises(EngineError, match=ELSEWHERE):
            settle(other, tmp_path, address=MOVED)
    assert state(other) == elsewhere

    # The next agent may crash as well, anywhere.
    die_before((number * 7) % 11)
    with pytest.raises(Died):
        settle(client, tmp_path)
        raise Died
    monkeypatch.undo()

    assert settle(client, tmp_path) == begun
    assert state(client) == (RESTORED if begun else before)
    assert not exchange.unsettled(tmp_path)


def test_a_server_that_is_killed_while_it_loads_keeps_its_old_data(
    server: Server, client: Client, tmp_path: Path
) -> None:
    before = state(client)

    def kill(documents: int) -> None:
        if documents == 3:
            server.kill()

    with pytest.raises(PyMongoError):
        restore(client, tmp_path, report=kill)
    with pytest.raises(PyMongoError):
        settle(client, tmp_path)
    server.start()

    assert not settle(client, tmp_path)
    assert state(client) == before


@pytest.mark.parametrize("seconds", [0, 0.02])
def test_a_server_that_is_killed_while_it_exchanges_has_the_restored_data(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    command = DriverDatabase.command

    def killing(database: Any, name: Any, *arguments: Any, **options: Any) -> Any:
        if options.get("to") == "shop.orders":
            killer = threading.Timer(seconds, server.kill)
            killer.start()
            if not seconds:
                killer.join()
        return command(database, name, *arguments, **options)

    monkeypatch.setattr(DriverDatabase, "command", killing)
    with pytest.raises(AutoReconnect):
        restore(client, tmp_path)
        server.running.wait()
        client.admin.command("ping")
    monkeypatch.undo()
    server.start()

    assert settle(client, tmp_path)
    assert state(client) == RESTORED


def test_a_server_that_restarts_in_mid_restore_has_all_or_nothing_of_it(
    server: Server, client: Client, tmp_path: Path
) -> None:
    after = state(client)

    def restart(documents: int) -> None:
        if documents == 3:
            server.kill()
            server.start()

    # The driver may have noticed that its connection is gone, and then uses another one.
    with suppress(AutoReconnect):
        restore(client, tmp_path, report=restart)
        after = RESTORED

    assert state(client) == after
    assert not exchange.unsettled(tmp_path)
