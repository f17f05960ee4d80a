"""Ways to read all collections at one moment, and how each is proved.

SNAPSHOT reads everything at one time of the cluster, in as many threads as one likes. TRANSACTION reads one collection
after another in one transaction. Some servers accept either and then read what was written later, so a way counts only
once prove() has written after the moment and not seen it.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
from bson import ObjectId, Timestamp
from bson.errors import InvalidId
from pymongo import ReadPreference, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from instances.engines.base import Client
from instances.engines.deployment.connect import database_of
from instances.engines.deployment.facts import databases

SNAPSHOT = "snapshot"
TRANSACTION = "transaction"
WAYS = (SNAPSHOT, TRANSACTION)

# The database of the scratch collections with which ways are proved. Backups leave it out.
PROBE = "console_probe"
_PREFIX = "probe_"
_LEFT_BEHIND = timedelta(hours=1)
# How long it may take to drop the scratch collections, in seconds.
DROPPING = 2.0
# What a server or the driver says to a way of reading that it does not have.
_REFUSALS = (OperationFailure, ConfigurationError)

Session = ClientSession


class _AtClusterTime(ReadConcern):
    """The read concern "snapshot" at a given time. Sessions of the driver do not share one, so it is said each time."""

    def __init__(self, time: Timestamp) -> None:
        super().__init__("snapshot")
        self._time = time

    @property
    def document(self) -> dict[str, Any]:
        return {"level": "snapshot", "atClusterTime": self._time}


@dataclass(frozen=True)
class Moment:
    """An open moment. `at` is aware, in UTC. Without a session, several threads may have a reader at the same time."""

    client: Client
    at: datetime
    concern: ReadConcern
    session: Session | None = None

    @contextmanager
    def reader(self) -> Iterator[tuple[Session, ReadConcern]]:
        """Yield the session and the read concern with which to read collections at this moment."""
        if self.session:
            yield self.session, self.concern
            return
        # With causal consistency the driver would ask for two times at once.
        with self.client.start_session(causal_consistency=False) as session:
            yield session, self.concern


@contextmanager
def open(client: Client, way: str, *, preference: Any = None) -> Iterator[Moment]:
    """Open a moment, the present one; leaving the context ends it. Raises the driver's errors.

    connected() turns these into sentences, among them that the moment became too old while it was read. The member that
    chooses the moment is one of the client's read preference, unless `preference` is another.
    """
    if way == SNAPSHOT:
        yield _snapshot(client, preference or client.read_preference)
    elif way == TRANSACTION:
        with client.start_session(causal_consistency=False) as session:
            session.start_transaction(ReadConcern("snapshot"), read_preference=ReadPreference.PRIMARY)
            # The transaction begins with its first read.
            reply = _first_read(client, session, None)
            yield Moment(client, _utc(reply), ReadConcern(), session)
    else:
        raise ValueError(way)


def prove(client: Client, way: str) -> bool:
    """Return whether the way really reads at one moment, by writing to scratch collections meanwhile.

    It asks the primary only, because on a secondary that lags behind every server would seem to keep the moment.
    Raises the driver's errors if a write fails, but not if the server refuses to read so.
    """
    with _scratch(client) as (first, second), ExitStack() as opened:
        before = [{"_id": number, "value": "before"} for number in range(4)]
        first.insert_many(before)
        second.insert_many(before)
        try:
            moment = opened.enter_context(open(client, way, preference=ReadPreference.PRIMARY))
        except _REFUSALS:
            return False
        _change(first)
        _change(second)
        try:
            seen = [_seen(moment, each) for each in (first, second)]
        except _REFUSALS:
            return False
        return seen == [before, before] and first.count_documents({}) == 3


def _seen(moment: Moment, collection: Any) -> list[dict[str, Any]]:
    with moment.reader() as (session, concern):
        # Small batches, because a later batch must not show later documents either.
        return list(collection.with_options(read_concern=concern).find({}, session=session, batch_size=2).sort("_id"))


def _change(collection: Any) -> None:
    collection.update_one({"_id": 0}, {"$set": {"value": "after"}})
    collection.delete_many({"_id": {"$in": [1, 2]}})
    collection.insert_one({"_id": 4, "value": "after"})


@contextmanager
def _scratch(client: Client) -> Iterator[tuple[Any, Any]]:
    """Yield two empty collections that exist for this purpose only, and drop them afterwards, whatever happens."""
    database = client.get_database(
        PROBE, write_concern=WriteConcern("majority"), read_preference=ReadPreference.PRIMARY
    )
    for name in database.list_collection_names():
        if _is_left_behind(name):
            database.drop_collection(name)
    names = [f"{_PREFIX}{ObjectId()}" for _ in range(2)]
    # A user that may not drop would leave them behind, so it must not write either.
    database.drop_collection(names[0])
    try:
        yield database[names[0]], database[names[1]]
    finally:
        # In a context of its own, because the time limit of the caller may be over.
        Context().run(_drop, client, names)


def _drop(client: Client, names: Sequence[str]) -> None:
    # The driver drops on the primary. Do not wait for a majority, which may be what failed.
    database = client.get_database(PROBE, write_concern=WriteConcern(1))
    with pymongo.timeout(DROPPING):
        # After an election, the driver finds the new primary at its second attempt.
        for name in (*names, *names):
            with suppress(PyMongoError):
                database.drop_collection(name)


def _is_left_behind(name: str) -> bool:
    """Return whether an agent that ended in the middle left this collection behind."""
    try:
        made = ObjectId(name.removeprefix(_PREFIX)).generation_time
    except InvalidId:
        return False
    return name.startswith(_PREFIX) and datetime.now(UTC) - made > _LEFT_BEHIND


def _snapshot(client: Client, preference: Any) -> Moment:
    reply = _first_read(client, None, preference)
    time = reply["cursor"].get("atClusterTime") or reply["operationTime"]
    return Moment(client, _utc(reply), _AtClusterTime(time))


def _first_read(client: Client, session: Session | None, preference: Any) -> dict[str, Any]:
    """Read a collection of a database that the user may read; it need not exist."""
    own = [name for name in databases(client) if name != "admin"]
    command: dict[str, Any] = {"find": "console_moment", "limit": 1, "singleBatch": True}
    if not session:
        command["readConcern"] = {"level": "snapshot"}
    database = database_of(client, own[0] if own else PROBE)
    return database.command(command, session=session, read_preference=preference)


def _utc(reply: dict[str, Any]) -> datetime:
    time = reply["cursor"].get("atClusterTime") or reply.get("operationTime")
    return time.as_datetime().astimezone(UTC) if isinstance(time, Timestamp) else datetime.now(UTC)
