"""Dump a deployment: all its collections as they come from the wire, in the format of mongodump."""

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

import pymongo
from bson import decode_all
from pymongo.errors import OperationFailure, PyMongoError

from console.text.messages import Message
from instances.engines.base import (
    NOT_ONE_MOMENT,
    ONE_MOMENT,
    Access,
    Client,
    Collection,
    Contents,
    Cut,
    Database,
    EngineError,
    Member,
    nothing,
    streamed_member,
)
from instances.engines.deployment import moment, namespaces
from instances.engines.deployment.connect import connected
from instances.engines.deployment.explain import PASSING, explain
from instances.engines.deployment.fan_in import Line, Part
from instances.engines.deployment.memory import return_large_buffers
from instances.engines.deployment.moment import Moment
from instances.engines.deployment.mongodump import CODEC, Body, Header, Namespace, prelude
from instances.engines.deployment.namespaces import Found
from instances.engines.deployment.replies import Batch, Replies

TOOL = "console"
# How long the server may take for one answer.
_SECONDS = 60.0
# How long the end of a cursor or of the moment may take.
_END_SECONDS = 5.0
# Collections that are read at the same time where that is possible.
_READERS = 3
# In bytes: what to ask the server for at a time, and what waits for the writer.
_BATCH, _WAITING = 2 * 1024 * 1024, 8 * 1024 * 1024
# Each member of the archive is in memory until it is written, so members are small: in bytes. But the archive can list
# only so many, so they are four times as large after every 50,000.
_MEMBER, _MEMBERS = 1024 * 1024, 50_000
# How often to begin again if collections are created or dropped just then.
_ATTEMPTS = 5


@contextmanager
def dump(access: Access, waiting: Callable[[], None] = nothing) -> Iterator[Cut]:
    """Open a dump of all databases. Its members are read from the deployment while the caller reads them.

    All collections show one moment if a way of reading so is proved; else this has to be allowed. Users, roles and what
    a router knows about its shards are read apart. Raises EngineError, also while the members are read.
    """
    way = next(iter(access.ways), "")
    if not way and not access.any_moment:
        raise EngineError(Message("deployment.no_way"))
    readers = 1 if way == moment.TRANSACTION else _READERS
    return_large_buffers()
    with connected(access, seconds=_SECONDS, pool=readers + 1) as client, _ended_in_time() as stack:
        plan = _planned(client, access, way, waiting, stack)
        running = _Dump(client, access, plan, readers)
        parts = running.parts(waiting)
        # Ends all threads and cursors before the moment and the connections.
        stack.callback(parts.close)
        yield Cut(
            at=plan.at,
            pause_seconds=0.0,
            members=_members(parts),
            contents=running.contents,
            consistency=plan.consistency,
            expected_bytes=sum(each.bytes for each in plan.found),
        )


@contextmanager
def _ended_in_time() -> Iterator[ExitStack]:
    """Yield a stack whose contexts do not wait long for the server when they end: it may have ended itself."""
    stack = ExitStack()
    try:
        yield stack
    finally:
        with pymongo.timeout(_END_SECONDS):
            stack.close()


@dataclass(frozen=True)
class _Plan:
    """What to read, and how: all at the moment if there is one, but for those of `apart`."""

    found: list[Found]
    moment: Moment | None
    apart: frozenset[Namespace]
    at: datetime
    server_version: str

    @property
    def consistency(self) -> str:
        return ONE_MOMENT if self.moment and not self.apart else NOT_ONE_MOMENT

    def moment_of(self, found: Found) -> Moment | None:
        return None if found.about_the_server or found.entry.namespace in self.apart else self.moment


def _planned(client: Client, access: Access, way: str, waiting: Callable[[], None], stack: ExitStack) -> _Plan:
    """List the collections and open the moment, so that it has exactly the listed ones. Raises EngineError.

    The moment stays open until the stack is closed.
    """
    apart: frozenset[Namespace] = frozenset()
    version = _three_numbers(str(client.server_info()["version"]))
    for _ in range(_ATTEMPTS):
        now = datetime.now(UTC)
        found = namespaces.found(client, with_users=access.with_users, waiting=waiting)
        if not way:
            return _Plan(found, None, apart, now, version)
        with ExitStack() as attempt:
            opened = attempt.enter_context(moment.open(client, way))
            plan = _Plan(found, opened, apart, opened.at, version)
            unreadable = _unreadable(client, plan)
            if unreadable and not access.any_moment:
                names = ", ".join(map(str, sorted(unreadable)))
                raise EngineError(Message("deployment.not_in_moment", names=names))
            apart |= unreadable
            if not unreadable and _identities(found) == namespaces.identities(client, with_users=access.with_users):
                stack.push(attempt.pop_all())
                return plan
    raise EngineError(Message("deployment.collections_change"))


def _identities(found: Iterable[Found]) -> set[tuple[Namespace, str]]:
    return {(each.entry.namespace, each.uuid) for each in found}


def _unreadable(client: Client, plan: _Plan) -> frozenset[Namespace]:
    """Return the collections that the server does not read at the moment, such as capped ones.

    A refused read ends a transaction, so the rest of its kind is not tried there, and counts as refused too.
    """
    for kind in (_is_capped, _is_of_admin):
        refused = set()
        tried = [each for each in plan.found if plan.moment_of(each) and kind(each)]
        for each in tried:
            if not _readable(client, plan, each):
                if plan.moment and plan.moment.session:
                    return frozenset(one.entry.namespace for one in tried)
                refused.add(each.entry.namespace)
        if refused:
            return frozenset(refused)
    return frozenset()


def _is_capped(found: Found) -> bool:
    return found.capped


def _is_of_admin(found: Found) -> bool:
    return found.entry.namespace.database == "admin"


def _readable(client: Client, plan: _Plan, found: Found) -> bool:
    opened = plan.moment_of(found)
    assert opened
    try:
        with opened.reader() as (session, concern):
            collection = namespaces.collection_of(client, found.entry.namespace, concern)
            collection.find_one({}, {"_id": 1}, session=session)
    except OperationFailure as error:
        if error.code in PASSING:
            raise
        return False
    return True


class _Dump:
    """The dump while it is read."""

    def __init__(self, client: Client, access: Access, plan: _Plan, readers: int) -> None:
        self._client, self._access, self._plan, self._readers = client, access, plan, readers
        self._documents: dict[Namespace, int] = {}
        self._dropped: list[Found] = []

    def parts(self, waiting: Callable[[], None]) -> Generator[Part]:
        """Yield the dump in parts. Closing the iterator ends the reading. Raises EngineError."""
        found = self._plan.found
        header = Header(self._readers, self._plan.server_version, TOOL)
        yield from prelude(header, (each.entry for each in found))
        for about_users, group in groupby(found, key=lambda each: each.about_users):
            line = Line(_WAITING)
            with line.read_by(self._read, group, threads=1 if about_users else self._readers):
                yield from line.parts(waiting)
        for each in self._dropped:
            self._require_gone(each)

    def contents(self, waiting: Callable[[], None] = nothing) -> Contents:
        """Return what was read, once everything was. The documents of a time series are its buckets, if it has any."""
        by_name = sorted(self._plan.found, key=lambda each: each.entry.namespace)
        return Contents(
            tuple(
                Database(name, tuple(map(self._collection, group)))
                for name, group in groupby(by_name, key=lambda each: each.entry.namespace.database)
            )
        )

    def _collection(self, found: Found) -> Collection:
        return Collection(found.entry.namespace.collection, self._documents[found.entry.namespace], found.indexes)

    def _read(self, found: Found, line: Line) -> None:
        """Read one collection, as a thread of the line. Raises EngineError."""
        body, opened, count = Body(found.entry.body), self._plan.moment_of(found), 0
        failure: PyMongoError | None = None
        try:
            if found.uuid and not opened:
                # It may have been replaced since it was listed, but not while it is read.
                found = replace(found, uuid=self._uuid_now(found) or found.uuid)
            for batch, reserved in () if found.is_view else self._batches(found, opened, line):
                _require_credentials(found, batch)
                line.put(body.segment(*batch.parts), reserved)
                count += batch.count
                # The next one is read meanwhile.
                del batch
        except PyMongoError as error:
            failure = error
        suspicious = failure or (found.uuid and not found.is_view and not (opened and count))
        if suspicious and not self._require_unmoved(found, opened, failure) and count:
            self._dropped.append(found)
        self._documents[found.entry.namespace] = count
        line.put([body.end()])

    def _batches(self, found: Found, opened: Moment | None, line: Line) -> Iterator[tuple[Batch, int]]:
        """Yield the collection in replies of the server, and the room that is reserved for each in the line."""
        size = max(1, _BATCH // found.average_bytes) if found.average_bytes else 1000
        # If documents are larger than the average, the next reply will probably be as large as the last.
        expected = max(found.average_bytes, min(found.bytes, _BATCH))
        with opened.reader() if opened else nullcontext((None, None)) as (session, concern):
            collection = namespaces.collection_of(self._client, found.entry.body, concern)
            cursor = Replies(collection, batch_size=size, session=session)
            reserved = 0
            try:
                line.reserve(expected)
                reserved = expected
                for batch in cursor:
                    given, reserved, expected = reserved, 0, batch.size
                    yield batch, given
                    del batch
                    line.reserve(expected)
                    reserved = expected
            finally:
                line.unused(reserved)
                with suppress(PyMongoError), pymongo.timeout(_END_SECONDS):
                    cursor.close()

    def _require_unmoved(self, found: Found, opened: Moment | None, failure: PyMongoError | None) -> bool:
        """Raise EngineError if the collection could not be read as it was listed. Return whether it is still there.

        It may have been dropped, unless the dump is of one moment. Servers read nothing from a collection that has been
        dropped or renamed, so an empty one is suspicious. `found` has the UUID from when the read began.
        """
        name = found.entry.namespace
        if failure and not (found.uuid and isinstance(failure, OperationFailure)):
            raise self._stopped(found, failure)
        try:
            now = self._name_now(found)
        except PyMongoError as error:
            raise self._stopped(found, failure or error) from None
        if now == name.collection and failure:
            raise self._stopped(found, failure)
        # If it was replaced, part of the old one may have been read.
        if now != name.collection and (now or opened or self._uuid_now(found)):
            raise EngineError(Message("deployment.collection_moved", name=name))
        return bool(now)

    def _require_gone(self, found: Found) -> None:
        """Raise EngineError if a collection that was dropped, perhaps when only a part was read, was created again."""
        try:
            again = self._uuid_now(found)
        except PyMongoError as error:
            raise self._stopped(found, error) from None
        if again:
            raise EngineError(Message("deployment.collection_moved", name=found.entry.namespace))

    def _uuid_now(self, found: Found) -> str:
        """Return the UUID of the collection that has this name now; "" if there is none."""
        database, collection = found.entry.namespace
        return namespaces.uuids(self._client, database, {"name": collection}).get(collection, "")

    def _name_now(self, found: Found) -> str:
        """Return the name of the collection; "" if it has been dropped."""
        database, collection = found.entry.namespace
        for filter in ({"name": collection}, {}):
            for name, uuid in namespaces.uuids(self._client, database, filter).items():
                if uuid == found.uuid:
                    return name
        return ""

    def _stopped(self, found: Found, error: PyMongoError) -> EngineError:
        why = explain(error, self._access, self._client)
        return EngineError(Message("deployment.dump_stopped", name=found.entry.namespace, why=why))


def _require_credentials(found: Found, batch: Batch) -> None:
    """Raise EngineError if these are users without credentials."""
    if found.entry.namespace == namespaces.WITH_CREDENTIALS:
        for user in decode_all(b"".join(batch.parts), CODEC):
            if "credentials" not in user:
                raise EngineError(Message("deployment.no_credentials", user=user.get("user", "")))


def _members(parts: Iterator[Part]) -> Iterator[Member]:
    """Pack the parts into members of the archive."""
    held: list[memoryview] = []
    size = number = 0
    for part in parts:
        # A piece of a large part would keep all of it in memory.
        large, rest = len(part) > _MEMBER, memoryview(part)
        while rest:
            wanted = (_MEMBER << 2 * (number // _MEMBERS)) - size
            piece, rest = rest[:wanted], rest[wanted:]
            held.append(memoryview(bytes(piece)) if large else piece)
            size += len(piece)
            if len(piece) == wanted:
                number += 1
                yield Member(streamed_member(number), size, partial(iter, held))
                held, size = [], 0
        del part, rest, piece
    if held:
        yield Member(streamed_member(number + 1), size, partial(iter, held))


def _three_numbers(version: str) -> str:
    """Return the version as mongorestore reads it, which needs three numbers."""
    numbers = re.findall(r"\d+", version)[:3]
    return ".".join([*numbers, "0", "0", "0"][:3])
