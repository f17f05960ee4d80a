"""What a dump does with answers that MongoDB documents and no server here gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bson
import pytest

from instances.engines import deployment as engine
from instances.engines.base import NOT_ONE_MOMENT, ONE_MOMENT, Access, EngineError
from instances.engines.deployment import dump, moment
from instances.engines.deployment.compare import TEMPORARY
from instances.engines.deployment.fan_in import Line
from instances.engines.deployment.namespaces import Found
from tests.independent_reader import Archive
from tests.instances.engines.deployment.dumping import archive_of, dumped, entry_of, metadata_of
from tests.instances.engines.deployment.served import NOW, Served
from tests.scripted import ROUTER, Document, Scripted, hang_up, refuse, replica_set

FIVE: list[Document] = [{"_id": number} for number in range(5)]


@contextmanager
def serving(
    served: Served, *ways: str, any_moment: bool = False, with_users: bool = False, **answers: Any
) -> Iterator[tuple[Scripted, Access]]:
    server = Scripted(**served.answers | answers)
    with replica_set(server) as address:
        yield server, Access(address=address, ways=ways, any_moment=any_moment, with_users=with_users)


def documents_of(archive: Archive) -> dict[str, list[Document]]:
    return {".".join(name): list(map(bson.decode, found)) for name, found in archive.documents.items()}


def reads(server: Scripted) -> list[Document]:
    """Return the finds that read collections for the dump."""
    return [each for each in server.named("find") if each["find"] != "console_moment"]


def then(*answers: Any) -> Any:
    """Return an answer that is the first of these, then the second, and so on; the last for ever."""
    left = list(answers)

    def answer(command: Document) -> Any:
        current = left.pop(0) if len(left) > 1 else left[0]
        return current(command) if callable(current) else current

    return answer


@pytest.fixture
def served() -> Served:
    served = Served()
    for name in ("a", "b", "c", "d"):
        served.add("shop", name, FIVE)
    return served


def test_snapshot_reads_are_all_at_the_same_time(served: Served) -> None:
    served.add("crm", "e", [{"_id": "later"}])
    served.earlier["crm", "e"] = [{"_id": "then"}]
    with serving(served, moment.SNAPSHOT) as (server, access), engine().backup(access) as cut:
        assert cut.consistency == ONE_MOMENT
        assert cut.at.timestamp() == NOW.time
        found = documents_of(archive_of(cut))
    assert found == {f"shop.{name}": FIVE for name in "abcd"} | {"crm.e": [{"_id": "then"}]}
    assert {str(each.get("readConcern")) for each in reads(server)} == {
        str({"level": "snapshot", "atClusterTime": NOW})
    }
    # A cursor belongs to the session that opened it.
    sessions = {each["find"]: each["lsid"] for each in reads(server)}
    assert all(each["lsid"] == sessions[each["collection"]] for each in server.named("getMore"))


def test_a_snapshot_that_became_too_old_fails_the_dump(served: Served) -> None:
    with serving(served, moment.SNAPSHOT, getMore=refuse(239, "SnapshotTooOld")) as (_, access):
        message = r"while it was reading shop\.\w: .* Raise the server parameter minSnapshotHistoryWindowInSeconds"
        with pytest.raises(EngineError, match=message):
            dumped(access)


@pytest.mark.parametrize("code", [251, 290])
def test_a_transaction_that_took_too_long_fails_the_dump(served: Served, code: int) -> None:
    with serving(served, moment.TRANSACTION, getMore=refuse(code, "any")) as (server, access):
        with pytest.raises(EngineError, match=r"Raise the server parameter transactionLifetimeLimitSeconds"):
            dumped(access)
        assert {each["txnNumber"] for each in reads(server)} == {1}


@pytest.mark.parametrize("cut_off", [hang_up, refuse(10107, "NotWritablePrimary"), refuse(91, "ShutdownInProgress")])
def test_a_first_read_is_retried_after_a_failover(served: Served, cut_off: Any) -> None:
    for ways, any_moment in (((moment.SNAPSHOT,), False), ((), True)):
        once = {"find": "console_moment"}

        def find(command: Document, once: Document = once) -> Any:
            if command["find"] == "b" and once.pop("find", None):
                return cut_off(command)
            return served.find(command)

        with serving(served, *ways, any_moment=any_moment, find=find) as (_, access):
            archive, _ = dumped(access)
            assert documents_of(archive) == {f"shop.{name}": FIVE for name in "abcd"}


@pytest.mark.parametrize("cut_off", [hang_up, refuse(43, "CursorNotFound"), refuse(11600, "InterruptedAtShutdown")])
def test_a_read_that_is_cut_off_in_the_middle_fails_the_dump(served: Served, cut_off: Any) -> None:
    """Another member may have the documents in another order, so reading on could repeat some and miss others."""
    for ways, any_moment in (((moment.SNAPSHOT,), False), ((moment.TRANSACTION,), False), ((), True)):
        more = then(served.getMore, served.getMore, cut_off, served.getMore)
        message = r"The backup stopped while it was reading shop\.\w: .+\."
        with (
            serving(served, *ways, any_moment=any_moment, getMore=more) as (_, access),
            pytest.raises(EngineError, match=message),
        ):
            dumped(access)


# --- What the server does not read at the moment -------------------------------------------------------------


def at_moment(command: Document) -> bool:
    return "atClusterTime" in command.get("readConcern", {}) or "txnNumber" in command


@pytest.mark.parametrize("way", moment.WAYS)
def test_capped_collections_are_read_apart_only_if_that_is_allowed(served: Served, way: str) -> None:
    served.add("shop", "capped", FIVE, capped=True, size=4096)

    def find(command: Document) -> Any:
        if command["find"] == "capped" and at_moment(command):
            return refuse(72, "InvalidOptions", "no snapshot reads of capped collections")(command)
        return served.find(command)

    message = r"does not read these .* as the others: shop\.capped\. Allow"
    with serving(served, way, find=find) as (_, access), pytest.raises(EngineError, match=message):
        dumped(access)
    with serving(served, way, any_moment=True, find=find) as (server, access):
        with engine().backup(access) as cut:
            assert cut.consistency == NOT_ONE_MOMENT
            archive = archive_of(cut)
        assert documents_of(archive)["shop.capped"] == FIVE
        assert all(at_moment(each) for each in reads(server) if each["find"] != "capped")


def test_collections_that_a_transaction_refuses_are_all_named(served: Served) -> None:
    """The first refused read ends the transaction, so the server does not say what it thinks of the others."""
    for name in ("capped1", "capped2"):
        served.add("shop", name, FIVE, capped=True, size=4096)
    served.add("admin", "own", FIVE)
    ended = set()

    def find(command: Document) -> Any:
        transaction = str(command["lsid"]), command.get("txnNumber")
        if transaction in ended:
            return refuse(251, "NoSuchTransaction")(command)
        if command["find"].startswith("capped") and at_moment(command):
            ended.add(transaction)
            return refuse(72, "InvalidOptions")(command)
        return served.find(command)

    message = r"does not read these .* as the others: shop\.capped1, shop\.capped2\. Allow"
    with serving(served, moment.TRANSACTION, find=find) as (_, access), pytest.raises(EngineError, match=message):
        dumped(access)
    with serving(served, moment.TRANSACTION, any_moment=True, find=find) as (server, access):
        archive, _ = dumped(access)
        assert documents_of(archive)["shop.capped2"] == documents_of(archive)["admin.own"] == FIVE
        assert {each["find"] for each in reads(server) if not at_moment(each)} == {"capped1", "capped2"}


def test_users_come_first_and_are_read_apart(served: Served) -> None:
    served.add("admin", "own", FIVE)
    served.add("admin", "system.keys", FIVE)
    served.add("admin", "system.version", [{"_id": "authSchema", "currentVersion": 5}])
    served.add("admin", "system.roles", [])
    users = [{"_id": f"shop.{n}", "user": f"{n}", "db": "shop", "credentials": {"x": n}} for n in range(5)]
    served.add("admin", "system.users", users)
    for ways, with_users in (((moment.SNAPSHOT,), True), ((moment.SNAPSHOT,), False)):
        with serving(served, *ways, with_users=with_users) as (server, access):
            archive, _ = dumped(access)
            found = documents_of(archive)
            assert found.pop("admin.own") == FIVE
            assert {name for name in found if not name.startswith("shop.")} == (
                {"admin.system.users", "admin.system.roles", "admin.system.version"} if with_users else set()
            )
            if with_users:
                assert found["admin.system.users"] == users
                names = [entry.collection for entry in archive.entries]
                assert names[:3] == ["system.users", "system.roles", "system.version"]
                assert not any(at_moment(each) for each in reads(server) if each["find"].startswith("system."))


def test_users_and_roles_are_read_by_a_single_thread(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump has them in this order, which several threads would not keep."""
    for name in ("users", "roles", "version"):
        served.add("admin", f"system.{name}", [])
    groups: list[tuple[int, set[str]]] = []
    read_by = Line.read_by

    def recorded(line: Line, read: Any, tasks: Any, *, threads: int) -> Any:
        group = list(tasks)
        groups.append((threads, {each.entry.namespace.database for each in group}))
        return read_by(line, read, group, threads=threads)

    monkeypatch.setattr(Line, "read_by", recorded)
    with serving(served, moment.SNAPSHOT, with_users=True) as (_, access):
        archive, _ = dumped(access)
    assert groups == [(1, {"admin"}), (3, {"shop"})]
    assert len(archive.documents) == 7


def test_a_router_dumps_what_it_knows_about_its_shards(served: Served) -> None:
    for name in ("chunks", "collections", "databases", "settings", "shards", "tags", "version", "mongos", "changelog"):
        served.add("config", name, FIVE)
    served.add("config", "system.sessions", FIVE)
    for hello, expected in ((ROUTER, 7), ({}, 0)):
        with Scripted(hello=hello, **served.answers) as server:
            archive, _ = dumped(Access(address=server.address, any_moment=True))
        found = {name for name in documents_of(archive) if name.startswith("config.")}
        assert len(found) == expected
        assert not found & {"config.mongos", "config.changelog", "config.system.sessions"}


def test_a_time_series_has_the_documents_of_its_buckets(served: Served) -> None:
    options: dict[str, Any] = {"timeseries": {"timeField": "t", "granularity": "seconds", "bucketMaxSpanSeconds": 3600}}
    served.add("shop", "weather", [{"_id": "a measurement"}], type="timeseries", **options)
    served.add("shop", "system.buckets.weather", FIVE, **options)
    served.add("shop", "system.views", [{"_id": "shop.weather"}])
    with serving(served, moment.SNAPSHOT) as (_, access):
        archive, contents = dumped(access)
    assert documents_of(archive)["shop.system.buckets.weather"] == FIVE
    assert [(each.collection, each.type) for each in archive.entries if each.collection not in "abcd"] == [
        ("weather", "timeseries")
    ]
    assert entry_of(archive, "shop", "weather").type == "timeseries"
    assert metadata_of(archive, "shop", "weather")["options"] == options
    assert {each.name: each.documents for each in contents.databases[0].collections}["weather"] == 5


def test_indexes_do_not_repeat_the_namespace(served: Served) -> None:
    """A restore may load the collection under another name."""
    with serving(served, moment.SNAPSHOT) as (_, access):
        archive, _ = dumped(access)
    assert metadata_of(archive, "shop", "a")["indexes"] == [{"v": 2, "key": {"_id": 1}, "name": "_id_"}]


def test_internal_collections_and_the_scratch_database_are_left_out(served: Served) -> None:
    served.add("shop", "system.js", [{"_id": "f"}])
    served.add("shop", "system.profile", FIVE, capped=True)
    served.add("local", "oplog.rs", FIVE, capped=True)
    served.add("shop", f"{TEMPORARY}4711.mark", [])
    served.add(moment.PROBE, "probe_1", FIVE)
    with serving(served, moment.SNAPSHOT) as (_, access):
        archive, _ = dumped(access)
    assert {entry.collection for entry in archive.entries} == {"a", "b", "c", "d", "system.js"}
    assert set(documents_of(archive)) == {"shop.a", "shop.b", "shop.c", "shop.d", "shop.system.js"}


# --- Collections that change meanwhile -----------------------------------------------------------------------


def test_a_renamed_collection_fails_the_dump_if_the_server_no_longer_reads_it(served: Served) -> None:
    """Before 7.0, MongoDB reads nothing from a name that is gone, even at an earlier moment."""
    for ways, any_moment in (((moment.SNAPSHOT,), False), ((), True)):
        with serving(served, *ways, any_moment=any_moment) as (_, access), engine().backup(access) as cut:
            served.rename("shop", "d", "e")
            with pytest.raises(EngineError, match=r"The collection shop\.d was dropped, replaced or renamed before"):
                archive_of(cut)
        served.rename("shop", "e", "d")


def test_a_dropped_collection_fails_only_a_dump_of_one_moment(served: Served) -> None:
    with serving(served, moment.SNAPSHOT) as (_, access), engine().backup(access) as cut:
        dropped = served.documents.pop(("shop", "d")), served.infos.pop(("shop", "d"))
        with pytest.raises(EngineError, match=r"The collection shop\.d was dropped, replaced or renamed before"):
            archive_of(cut)
    served.documents["shop", "d"], served.infos["shop", "d"] = dropped

    # Dropped in the middle of its read.
    def more(command: Document) -> Any:
        if command["collection"] == "d":
            served.infos.pop(("shop", "d"), None)
            return refuse(175, "QueryPlanKilled")(command)
        return served.getMore(command)

    with serving(served, any_moment=True, getMore=more) as (_, access):
        archive, _ = dumped(access)
    assert documents_of(archive) == {f"shop.{name}": FIVE for name in "abc"} | {"shop.d": FIVE[:2]}


def test_a_read_that_fails_leaves_its_room_to_the_others(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []

    class Remembered(Line):
        def __init__(self, limit: int) -> None:
            super().__init__(limit)
            lines.append(self)

    def dropped(command: Document) -> Any:
        """Answer that the collection has been dropped meanwhile."""
        served.infos.pop((command["$db"], command.get("collection") or command["find"]), None)
        return refuse(175, "QueryPlanKilled")(command)

    def find(command: Document) -> Any:
        return dropped(command) if command["find"] == "a" else served.find(command)

    monkeypatch.setattr(dump, "Line", Remembered)
    with serving(served, any_moment=True, find=find, getMore=dropped) as (_, access):
        dumped(access)
    assert [line._used for line in lines] == [0]


@pytest.mark.parametrize("after", [Served.getMore, lambda _served, command: refuse(175, "QueryPlanKilled")(command)])
def test_a_collection_that_is_replaced_while_it_is_read_fails_the_dump(served: Served, after: Any) -> None:
    """MongoDB ends the read; a server that finds collections by name would go on with other documents."""

    def more(command: Document) -> Any:
        if command["collection"] == "d" and served.documents["shop", "d"] is FIVE:
            served.add("shop", "d", [{"_id": "new"}])
            return after(served, command)
        return served.getMore(command)

    message = r"The collection shop\.d was dropped, replaced or renamed before"
    with serving(served, any_moment=True, getMore=more) as (_, access), pytest.raises(EngineError, match=message):
        dumped(access)


def test_a_collection_that_is_dropped_while_it_is_read_and_created_again_later_fails_the_dump(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def more(command: Document) -> Any:
        if command["collection"] == "d":
            served.infos.pop(("shop", "d"))
            return refuse(175, "QueryPlanKilled")(command)
        return served.getMore(command)

    require_unmoved = dump._Dump._require_unmoved

    def then_created_again(running: Any, found: Found, *arguments: Any) -> bool:
        there = require_unmoved(running, found, *arguments)
        if found.entry.namespace.collection == "d":
            served.add("shop", "d", [{"_id": "new"}])
        return there

    monkeypatch.setattr(dump._Dump, "_require_unmoved", then_created_again)
    message = r"The collection shop\.d was dropped, replaced or renamed before"
    with serving(served, any_moment=True, getMore=more) as (_, access), pytest.raises(EngineError, match=message):
        dumped(access)


def test_a_collection_that_is_replaced_before_it_is_read_is_the_new_one(served: Served) -> None:
    with serving(served, any_moment=True) as (_, access), engine().backup(access) as cut:
        served.add("shop", "d", [{"_id": "new"}])
        assert documents_of(archive_of(cut))["shop.d"] == [{"_id": "new"}]


def test_a_failure_in_a_collection_that_was_replaced_before_fails_the_dump(served: Served) -> None:
    def more(command: Document) -> Any:
        return refuse(43, "CursorNotFound")(command) if command["collection"] == "d" else served.getMore(command)

    with serving(served, any_moment=True, getMore=more) as (_, access), engine().backup(access) as cut:
        served.add("shop", "d", FIVE)
        with pytest.raises(EngineError, match=r"The backup stopped while it was reading shop\.d: "):
            archive_of(cut)
