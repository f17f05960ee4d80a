"""Clients write in causal order across databases during backups: every cut must show one moment."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from pymongo.errors import PyMongoError

from instances.engines.base import Client
from tests.instances.engines.servers import Server, back_up, inspect

WRITERS, ROUNDS, TRAIL, ACCOUNTS, MONEY = 4, 4, 8, 5, 1000


class Writer(threading.Thread):
    """Write a chain until stop(): each step begins after the previous step was acknowledged.

    For every number: its cause, its effect in another database, the counter, a note that an older cause ends, and the
    deletion of that cause. `done` is the last number whose counter was acknowledged; `failure` is the error that ended
    the thread.
    """

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(daemon=True)
        self._client, self.chain = client, name
        self._stopping = threading.Event()
        self.done, self.failure = -1, ""

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._step(self.done + 1)
                self._transfer(self.done)
        except PyMongoError as error:
            self.failure = repr(error)

    def _step(self, number: int) -> None:
        client, name = self._client, self.chain
        client.causes[name].insert_one({"_id": number, "square": number * number})
        client.effects[name].insert_one({"_id": number})
        client.counters.counters.update_one({"_id": name}, {"$set": {"value": number}}, upsert=True)
        self.done = number
        if number >= TRAIL:
            client.ends[name].insert_one({"_id": number - TRAIL})
            client.causes[name].delete_one({"_id": number - TRAIL})

    def _transfer(self, number: int) -> None:
        """Move money between two databases; the sum stays constant."""
        where = {"_id": f"{self.chain}-{number % ACCOUNTS}"}
        with self._client.start_session() as session, session.start_transaction():
            self._client.left.accounts.update_one(where, {"$inc": {"money": -1}}, session=session)
            self._client.right.accounts.update_one(where, {"$inc": {"money": 1}}, session=session)

    def stop(self) -> None:
        self._stopping.set()
        self.join(30)
        assert not self.failure, self.failure


@contextlib.contextmanager
def writing(server: Server) -> Iterator[list[Writer]]:
    names = [f"writer{number}" for number in range(WRITERS)]
    client = server.client()
    for name in names:
        client.causes[name].create_index("square")
    accounts = [f"{name}-{number}" for name in names for number in range(ACCOUNTS)]
    client.left.accounts.insert_many([{"_id": account, "money": MONEY} for account in accounts])
    client.right.accounts.insert_many([{"_id": account, "money": 0} for account in accounts])
    writers = [Writer(server.client(), name) for name in names]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stop()


def require_one_moment(client: Client, name: str, *, least: int) -> None:
    """Assert that one chain shows a single moment. `least` is the last number acknowledged before the cut request."""
    counter = client.counters.counters.find_one({"_id": name})
    value = counter["value"] if counter else -1
    causes, effects, ends = ({row["_id"] for row in client[db][name].find()} for db in ("causes", "effects", "ends"))
    assert value >= least
    # Every effect has its cause, unless the end of the cause was noted.
    assert effects <= causes | ends
    assert set(range(value + 1)) <= effects <= set(range(value + 2))
    assert causes | ends == set(range(len(causes | ends))) and len(causes | ends) <= value + 2
    assert all(end <= value - TRAIL for end in ends)
    # Only the cause of the last noted end may still exist.
    assert causes & ends <= {max(ends, default=None)}
    by_index = {row["_id"] for row in client.causes[name].find({"square": {"$gte": 0}}).hint("square_1")}
    assert by_index == causes


def require_all_money(client: Client) -> None:
    left, right = ({row["_id"]: row["money"] for row in client[side].accounts.find()} for side in ("left", "right"))
    assert {account: left[account] + right[account] for account in left} == dict.fromkeys(left, MONEY)
    assert left.keys() == right.keys()


def test_every_cut_shows_one_moment_and_everything_acknowledged_before_it(tmp_path: Path) -> None:
    with Server(tmp_path / "original") as server, writing(server) as writers:
        for number in range(ROUNDS):
            before = [writer.done for writer in writers]
            contents = back_up(server, tmp_path / f"copy{number}")
            with Server(tmp_path / f"copy{number}") as restored:
                client = restored.client()
                for writer, least in zip(writers, before, strict=True):
                    require_one_moment(client, writer.chain, least=least)
                require_all_money(client)
                assert inspect(restored) == contents
        assert all(writer.done > least for writer, least in zip(writers, before, strict=True))
