import builtins
import os
from pathlib import Path
from typing import Any

import pytest

from instances.engine import client
from instances.engine.calls import Engine
from instances.engine.client import EngineError
from instances.engine.facts import facts, storage_bytes
from tests.instances.engine.servers import Server, free_port, run
from tests.waiting import wait_for


def insert(port: int, count: int, database: str = "shop") -> None:
    client.command(port, {"insert": "items", "documents": [{} for _ in range(count)]}, database=database)


def test_facts_are_what_the_server_says(server: Server) -> None:
    insert(server.port, 30)
    insert(server.port, 12, "stock")
    with client.Connection(server.port), client.Connection(server.port):
        wait_for(lambda: counted(server, 42))
        found = facts(server.port, server.home)
    assert (found.engine, found.engine_version, found.storage_engine) == ("nx-27017", "0.8.1", "SQLite")
    assert found.compatible_version == "7.0"
    assert found.connections == 2
    assert 0 <= found.uptime_seconds < 60
    assert found.storage_bytes == sum(
        file.stat().st_size for file in (server.home / "data").iterdir() if not file.name.endswith("-shm")
    )


def counted(server: Server, documents: int) -> bool:
    return facts(server.port, server.home).documents == documents


def test_documents_are_counted_as_they_come_and_go(server: Server) -> None:
    insert(server.port, 5)
    wait_for(lambda: counted(server, 5))
    client.command(server.port, {"delete": "items", "deletes": [{"q": {}, "limit": 0}]}, database="shop")
    wait_for(lambda: counted(server, 0))
    insert(server.port, 3)
    wait_for(lambda: counted(server, 3))
    client.command(server.port, {"dropDatabase": 1}, database="shop")
    wait_for(lambda: counted(server, 0))


def test_counting_waits_for_no_command(engine: Engine) -> None:
    for _ in range(2):
        run(engine, {"insert": "items", "documents": [{}]})
    with engine.handler.transaction("shop") as connection:
        connection["items"].insert_one({"n": 1})
        assert engine.counts.storage() == {"databases": 1, "collections": 1, "documents": 2}


def test_a_database_that_has_not_changed_is_not_counted_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    run(engine, {"insert": "items", "documents": [{}]})
    before = engine.counts.storage()

    def refuse(*_: Any) -> None:
        raise AssertionError("counted again")

    monkeypatch.setattr(engine.counts, "_read", refuse)
    assert engine.counts.storage() == before == {"databases": 1, "collections": 1, "documents": 1}


def test_the_files_are_not_opened(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing one would drop the locks of this process on it, those of a backup that runs."""
    insert(server.port, 5)
    opened: list[Any] = []
    monkeypatch.setattr(builtins, "open", lambda *args, **_: opened.append(args))
    monkeypatch.setattr(os, "open", lambda *args, **_: opened.append(args))
    facts(server.port, server.home)
    monkeypatch.undo()
    assert opened == []
    held = Path("/proc/self/fd")
    assert not any(str(server.home / "data") in str(link.readlink()) for link in held.iterdir() if link.is_symlink())


def test_without_a_server_there_are_no_facts(tmp_path: Path) -> None:
    with pytest.raises(EngineError):
        facts(free_port(), tmp_path)
    assert storage_bytes(tmp_path) == 0
