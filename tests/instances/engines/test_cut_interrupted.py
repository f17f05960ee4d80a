"""The agent notices when a cut ends early, and can cancel a cut while the server is busy or counting."""

import time
from pathlib import Path
from typing import Any, cast

import pytest
from pymongo.errors import OperationFailure, PyMongoError

from instances.engines import embedded
from instances.engines.base import Client, EngineError, nothing
from instances.engines.embedded import copy_under_cursor
from tests.instances.engines.servers import Server, copy, documents_of
from tests.waiting import wait_for


class GivenUp(Exception):
    pass


def give_up() -> None:
    raise GivenUp


def test_the_agent_notices_at_the_next_block_that_the_server_ended(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_under_cursor, "_STILL_OPEN_SECONDS", 0.0)
    server.client().shop.orders.insert_one({})
    with pytest.raises(EngineError, match="is not responding on port"), embedded().backup(server.address) as cut:
        blocks = max(cut.members, key=lambda member: member.size).read()
        next(blocks)
        server.kill()
        next(blocks)


def test_the_agent_also_notices_a_restarted_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_under_cursor, "_STILL_OPEN_SECONDS", 0.0)
    server.client().shop.orders.insert_one({})
    with pytest.raises(EngineError), embedded().backup(server.address) as cut:
        server.kill()
        server.start()
        # The driver reconnects to a server that has no open cut.
        for _ in range(2):
            try:
                cut.contents()
            except PyMongoError as error:
                ended = error
        raise ended


def test_counting_can_be_cancelled_and_the_next_cut_opens_at_once(server: Server, tmp_path: Path) -> None:
    client = server.client()
    for _ in range(4):
        client.shop.orders.insert_many([{} for _ in range(5000)])
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as impatient:
        impatient.setattr(copy_under_cursor, "_WAIT_SECONDS", 0.0)
        with pytest.raises(GivenUp), embedded().backup(server.address) as cut:
            cut.contents(give_up)
    began = time.monotonic()
    wait_for(lambda: _copied(server, tmp_path / "copy"), because="the next cut")
    assert time.monotonic() - began < 10


def _copied(server: Server, home: Path) -> bool:
    try:
        with embedded().backup(server.address) as cut:
            return documents_of(copy(cut, home)) == {"shop.orders": 20_000}
    except EngineError:
        return False


class Busy:
    """A driver whose server cannot make a cut the first `times` times."""

    def __init__(self, times: int, reason: str = "ServerIsBusy") -> None:
        self.times, self.reason, self.admin = times, reason, self

    def command(self, name: str, *, seconds: float) -> dict[str, Any]:
        assert (name, seconds) == ("console.openBackup", 2.0)
        self.times -= 1
        if self.times >= 0:
            raise OperationFailure("Busy.", 1, {"codeName": self.reason})
        return {"files": []}


def test_the_agent_retries_a_busy_server() -> None:
    asked: list[None] = []
    assert copy_under_cursor._open(cast(Client, Busy(3)), lambda: asked.append(None)) == {"files": []}
    assert len(asked) == 3


def test_the_agent_can_stop_waiting_for_a_busy_server_and_times_out_after_two_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(GivenUp):
        copy_under_cursor._open(cast(Client, Busy(3)), give_up)
    monkeypatch.setattr(copy_under_cursor, "_OPEN_SECONDS", 0.0)
    with pytest.raises(OperationFailure):
        copy_under_cursor._open(cast(Client, Busy(1)), nothing)


def test_the_agent_does_not_retry_for_any_other_reason() -> None:
    with pytest.raises(OperationFailure):
        copy_under_cursor._open(cast(Client, Busy(1, "BackupIsOpen")), give_up)
