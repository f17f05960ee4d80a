"""The disk of a deployment's server becomes full in the middle of a restoration over its data."""

import os
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from instances.engines import deployment as engine
from instances.engines.base import Collection, Contents, Database, EngineError
from instances.engines.deployment import exchange, journal
from tests.deployments import PASSWORD, Deployment
from tests.instances.engines.deployment.dumps import Dumped, dump_of

OLD = [{"_id": number, "of": "old"} for number in range(300)]
NEW = [{"_id": number, "of": "new", "data": b"x" * 1000} for number in range(3000)]
LISTED = Contents((Database("shop", (Collection("orders", 3000, ("_id_",)), Collection("users", 1, ("_id_",)))),))


def full(server: Deployment) -> None:
    """Let the server write nothing more to its files, and let it notice. Only its next process can write again."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    with suppress(PyMongoError), server.client() as client:
        for _ in range(1000):
            client.logs.lines.insert_many([{"data": os.urandom(100_000)} for _ in range(10)])


@pytest.mark.parametrize("exchanging", [False, True], ids=["while loading", "while exchanging"])
def test_a_full_disk_leaves_the_old_or_the_restored_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanging: bool
) -> None:
    def restore(report: Callable[[int], None]) -> None:
        blocks = dump_of(Dumped("orders", NEW), Dumped("users", [{"_id": 1}]), block=500_000)
        access = server.access()
        engine().restore(access, blocks, lambda: LISTED, report, tag="1", directory=tmp_path)

    def fill_up(documents: int) -> None:
        if documents and not exchanging:
            full(server)

    rename = exchange._rename
    renamed: list[bool] = []

    def full_after_the_first(*arguments: Any) -> None:
        rename(*arguments)
        known = journal.read(tmp_path)
        if known and known.state == journal.State.EXCHANGING and exchanging and not renamed:
            renamed.append(True)
            full(server)

    monkeypatch.setattr(exchange, "_rename", full_after_the_first)
    with Deployment(tmp_path / "server") as server:
        with server.client() as client:
            client.shop.orders.insert_many(OLD)
            client.shop.users.insert_one({"_id": 5})
        with pytest.raises(EngineError, match=r"If its disk is full, make room on it and try again\.") as failed:
            restore(fill_up)
        assert PASSWORD not in str(failed.value)
        assert exchange.unsettled(tmp_path)
        with pytest.raises(EngineError):
            engine().settle(server.access(), tmp_path)
        server.kill()
        server.start()

        assert engine().settle(server.access(), tmp_path) == exchanging
        with server.client() as client:
            assert sorted(client.shop.list_collection_names()) == ["orders", "users"]
            assert list(client.shop.orders.find().sort("_id")) == (NEW if exchanging else OLD)
            assert list(client.shop.users.find()) == [{"_id": 1 if exchanging else 5}]
        restore(lambda _documents: None)
