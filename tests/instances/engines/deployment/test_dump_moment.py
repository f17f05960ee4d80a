"""What a dump shows while others write, and while collections come and go."""

import datetime
import itertools
import threading
from functools import partial
from typing import Any, Self

import bson
import pytest

from instances.engines import deployment as engine
from instances.engines.base import NOT_ONE_MOMENT, ONE_MOMENT, EngineError
from instances.engines.deployment import moment
from tests.deployments import Deployment
from tests.instances.engines.deployment.dumping import any_moment, archive_of, dumped, filled, one_moment
from tests.waiting import wait_for


class Writer(threading.Thread):
    """Writes to two databases in causal order: first to "effects", then to "causes", so that no moment has a cause
    without its effect. Each number is inserted, updated and deleted, in one database after the other.
    """

    def __init__(self, deployment: Deployment, first: int, step: int) -> None:
        super().__init__()
        self._client, self._numbers = deployment.client(), itertools.count(first, step)
        self._ended = threading.Event()
        self.written = 0

    def run(self) -> None:
        with self._client as client:
            effects, causes = client.effects.e, client.causes.c
            for number in self._numbers:
                if self._ended.is_set():
                    return
                effects.insert_one({"_id": number, "version": 1})
                causes.insert_one({"_id": number, "version": 1})
                effects.update_one({"_id": number}, {"$set": {"version": 2}})
                causes.update_one({"_id": number}, {"$set": {"version": 2}})
                if number > 100:
                    causes.delete_one({"_id": number - 100})
                    effects.delete_one({"_id": number - 100})
                self.written += 1

    def has_written(self, numbers: int) -> bool:
        return self.written >= numbers

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def test_a_dump_under_writers_is_of_one_moment(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        # These take a while to read between the two databases.
        for number in range(4):
            client.database[f"c{number}"].insert_many({"_id": n, "x": "x" * 1000} for n in range(1000))
        with Writer(replica_set, 0, 2) as one, Writer(replica_set, 1, 2) as two:
            for each in (one, two):
                wait_for(partial(each.has_written, 60), because="the writers")
            for _ in range(3):
                before = one.written
                with engine().backup(one_moment(replica_set)) as cut:
                    assert cut.consistency == ONE_MOMENT
                    # Let the writers go on before the first document is read.
                    wait_for(partial(one.has_written, before + 5), because="the writers")
                    archive = archive_of(cut)
                effects, causes = (
                    {each["_id"]: each["version"] for each in map(bson.decode, archive.documents[name])}
                    for name in (("effects", "e"), ("causes", "c"))
                )
                assert causes
                assert all(effects.get(number, 0) >= version for number, version in causes.items())
                assert all(number in effects for number in causes)
                # A writer has at most one number in progress, of each kind.
                assert len(effects) - len(causes) <= 4


def test_a_dump_that_is_not_of_one_moment_has_to_be_allowed(replica_set: Deployment) -> None:
    with pytest.raises(EngineError, match=r"Run Test Connection, or allow"), engine().backup(replica_set.access()):
        pass
    with engine().backup(any_moment(replica_set)) as cut:
        assert cut.consistency == NOT_ONE_MOMENT


def test_the_moment_is_when_the_backup_began(replica_set: Deployment) -> None:
    before = datetime.datetime.now(datetime.UTC)
    with engine().backup(one_moment(replica_set)) as cut:
        # The server is another process, whose clock may differ a little when the tests set the clock.
        assert abs(cut.at - before) < datetime.timedelta(minutes=1)


def test_collections_that_are_dropped_or_renamed_are_still_in_a_dump_of_one_moment(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        filled(client, "a", "b", "c")
        with engine().backup(one_moment(replica_set)) as cut:
            client.shop.a.drop()
            client.shop.b.rename("d")
            filled(client, "e")
            archive = archive_of(cut)
    assert {name: len(found) for name, found in archive.documents.items()} == {
        ("shop", name): 500 for name in ("a", "b", "c")
    }


def test_a_dropped_collection_is_empty_in_a_dump_that_is_not_of_one_moment(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        filled(client, "a", "b")
        with engine().backup(any_moment(replica_set)) as cut:
            client.shop.a.drop()
            archive = archive_of(cut)
    assert {name: len(found) for name, found in archive.documents.items()} == {("shop", "a"): 0, ("shop", "b"): 500}


def test_a_collection_that_is_replaced_while_it_is_read_fails_the_dump(replica_set: Deployment) -> None:
    with replica_set.client() as client:
        # More than a dump reads ahead.
        filled(client, "a", documents=2000, size=10_000)
        with engine().backup(any_moment(replica_set)) as cut:
            members = iter(cut.members)
            next(members)
            client.shop.a.drop()
            client.shop.a.insert_one({"_id": "new"})
            with pytest.raises(EngineError, match=r"shop\.a was dropped, replaced or renamed before"):
                list(members)


def test_collections_that_appear_while_the_dump_begins_are_in_it(
    replica_set: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the list of collections and the moment there is a gap."""
    with replica_set.client() as client:
        filled(client, "a")
        fresh = iter(["b", "c"])
        opened = moment.open

        def late(*arguments: Any) -> Any:
            for name in itertools.islice(fresh, 1):
                filled(client, name)
            return opened(*arguments)

        monkeypatch.setattr(moment, "open", late)
        archive, _ = dumped(one_moment(replica_set))
        assert set(archive.documents) == {("shop", "a"), ("shop", "b"), ("shop", "c")}
        fresh = iter(f"d{number}" for number in itertools.count())
        with pytest.raises(EngineError, match="Collections are created, dropped or renamed all the time"):
            dumped(one_moment(replica_set))
