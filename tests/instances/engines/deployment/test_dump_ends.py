"""How a dump ends before its end: cancelled, or because the server or the connection does."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instances.engines import deployment as engine
from instances.engines.base import Client, EngineError, Member
from instances.engines.deployment import dump
from instances.engines.deployment.replies import Replies
from tests.deployments import PASSWORD, Deployment
from tests.instances.engines.deployment.dumping import any_moment, archive_of, documents_in, filled, one_moment
from tests.waiting import wait_for


class Cancelled(Exception):
    pass


def readers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dump-")]


def connections(client: Client) -> int:
    count: int = client.admin.command("serverStatus")["connections"]["current"]
    return count


def open_cursors(client: Client) -> int:
    count: int = client.admin.command("serverStatus")["metrics"]["cursor"]["open"]["total"]
    return count


@pytest.mark.parametrize("access", [one_moment, any_moment])
def test_a_cancelled_dump_leaves_no_thread_cursor_or_connection(
    replica_set: Deployment, access: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The driver closes cursors that nobody refers to, at some time.
    kept: list[Replies] = []

    def kept_cursor(*arguments: Any, **options: Any) -> Replies:
        kept.append(Replies(*arguments, **options))
        return kept[-1]

    monkeypatch.setattr(dump, "Replies", kept_cursor)
    with replica_set.client() as client:
        filled(client, "a", "b", "c", "d", documents=1000, size=10_000)
        before = connections(client)
        with pytest.raises(Cancelled), engine().backup(access(replica_set)) as cut:
            for _ in cut.members:
                assert readers()
                assert open_cursors(client)
                raise Cancelled
        assert readers() == []
        assert kept and open_cursors(client) == 0
        wait_for(lambda: connections(client) <= before, because="the end of the connections")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Deployment]:
    """A deployment that the test may end, with more documents than a dump keeps in memory."""
    with Deployment(tmp_path / "server") as deployment:
        with deployment.client() as client:
            filled(client, "a", documents=4000, size=10_000)
        yield deployment


def test_a_job_is_cancelled_while_the_server_answers_nothing(own: Deployment) -> None:
    def give_up() -> None:
        if paused.is_set():
            own.resume()
            raise Cancelled

    paused = threading.Event()
    with pytest.raises(Cancelled), engine().backup(one_moment(own), give_up) as cut:
        own.pause()
        paused.set()
        archive_of(cut)
    assert readers() == []


@pytest.mark.parametrize("access", [one_moment, any_moment])
def test_a_server_that_ends_fails_the_dump_with_a_sentence(own: Deployment, access: Any) -> None:
    with engine().backup(access(own)) as cut:
        members: Iterator[Member] = iter(cut.members)
        next(members)
        own.kill()
        with pytest.raises(EngineError, match=r"The backup stopped while it was reading shop\.a: .*\.") as error:
            list(members)
    assert PASSWORD not in str(error.value)
    assert readers() == []
    own.start()
    assert len(documents_in(access(own))["shop.a"]) == 4000
