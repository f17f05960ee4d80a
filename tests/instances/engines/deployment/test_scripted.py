"""What the console does with answers that no server here gives: contracts, see tests/scripted.py."""

import threading
from typing import Any

import pytest
from bson.int64 import Int64
from pymongo.errors import ConfigurationError, OperationFailure

from instances.engines.base import Access, EngineError
from instances.engines.deployment import moment, privileges, testing_connection
from instances.engines.deployment.connect import connected
from instances.engines.deployment.explain import explain, redact
from instances.engines.deployment.hosts import NotAllowed
from instances.engines.deployment.moment import SNAPSHOT
from tests.instances.engines.deployment.test_uri import Names
from tests.scripted import ROUTER, CloseConnection, Kept, Scripted, elect, hang_up, refuse, replica_set

IN_SET = {"setName": "rs0"}
PASSWORD = "p@ss w/rd?"


def cursor(*documents: dict[str, Any], more: int = 0, name: str = "firstBatch") -> dict[str, Any]:
    return {"cursor": {name: list(documents), "id": Int64(more), "ns": "shop.orders"}}


def outcome(server: Scripted, *, probe: bool = False) -> testing_connection.Tested:
    return testing_connection.test(Access(address=server.address), lambda: None, probe=probe)


def sentences(result: testing_connection.Tested) -> str:
    return "\n".join(str(finding.message) for finding in result.findings)


def why_not(access: Access, seconds: float = 5.0) -> str:
    """Return the sentence for a read of shop.orders that fails."""
    with pytest.raises(EngineError) as failed, connected(access, seconds=seconds) as client:
        list(client.shop.orders.find({}, batch_size=1))
    return str(failed.value)


# --- Versions and topologies ---------------------------------------------------------------------------------


def test_a_router_is_a_cluster() -> None:
    with Scripted(hello=ROUTER) as server:
        result = outcome(server)
    assert result.instance_type == "Sharding"
    assert "sharded cluster" in sentences(result)


@pytest.mark.parametrize(
    ("wire", "version", "allowed"), [(9, "4.4.29", False), (13, "5.0.30", True), (25, "8.0.4", True)]
)
def test_versions_before_5_0_are_refused(wire: int, version: str, allowed: bool) -> None:
    with Scripted(hello={"maxWireVersion": wire}, buildInfo={"version": version}) as server:
        if allowed:
            assert f"MongoDB {version}" in sentences(outcome(server))
        else:
            with pytest.raises(EngineError, match=r"version 4\.4\.29\. Backups need MongoDB 5\.0 or newer"):
                outcome(server)


def test_a_version_that_the_driver_does_not_know_either() -> None:
    with Scripted(hello={"maxWireVersion": 6}) as server:
        assert "older than MongoDB 5.0" in why_not(Access(address=server.address), seconds=1.0)


def test_a_secondary_alone_has_no_primary() -> None:
    first, second = Scripted(find=cursor()), Scripted(find=cursor())
    with replica_set(first, second) as address:
        elect(second, first)
        second.hello |= {"isWritablePrimary": False, "ismaster": False, "secondary": True}
        assert "has no primary at the moment" in why_not(Access(address=address), seconds=1.0)


def test_a_secondary_that_is_reached_directly_is_warned_of() -> None:
    member = Scripted()
    with replica_set(member) as address:
        member.hello |= {"isWritablePrimary": False, "ismaster": False, "secondary": True}
        direct = Access(address=address.replace("replicaSet=rs0", "directConnection=true"))
        result = testing_connection.test(direct, lambda: None)
    assert "is not the primary. Backups can read from it" in sentences(result)


def test_a_member_that_cannot_be_reached_is_warned_of() -> None:
    first, second = Scripted(), Scripted()
    with replica_set(first, second) as address:
        second.__exit__()
        result = testing_connection.test(Access(address=address), lambda: None)
    assert f"The member {second.member} cannot be used now" in sentences(result)


def test_a_member_whose_name_is_only_known_inside_the_deployment() -> None:
    """What containers do: the server is reached by one name, and calls itself by another."""
    member = Scripted(find=cursor())
    with replica_set(member) as address:
        member.hello |= {"hosts": ["mongo1.invalid:27017"], "me": "mongo1.invalid:27017"}
        says = why_not(Access(address=address), seconds=1.0)
        assert "announces its member as mongo1.invalid:27017" in says
        assert "add directConnection=true" in says
        direct = Access(address=address.replace("replicaSet=rs0", "directConnection=true"))
        with connected(direct) as client:
            assert client.shop.orders.find_one() is None
        assert f"Reached {member.member}:" in sentences(testing_connection.test(direct, lambda: None))


def test_nothing_is_sent_to_a_member_that_a_server_announces_at_a_link_local_address() -> None:
    first, second = Scripted(), Scripted(find=cursor())
    with replica_set(first, second):
        announced = second.member.replace("127.0.0.1", "localhost")
        for member in (first, second):
            member.hello["hosts"] = [first.member, announced]
        second.hello["me"] = announced
        access = Access(address=f"mongodb://{first.member}/?replicaSet=rs0", reads_from="secondary")
        names = Names({"localhost": ["169.254.9.9"]})
        refused = pytest.raises(NotAllowed, match=r"localhost has the address 169\.254\.9\.9")
        with refused, connected(access, resolver=names) as client:
            client.shop.orders.find_one()
        assert not second.named("find")


# --- Moments -------------------------------------------------------------------------------------------------


def test_snapshot_reads_that_are_kept_are_proved() -> None:
    with Scripted(hello=ROUTER, **Kept().answers) as server:
        result = outcome(server, probe=True)
        reads = [read for read in server.named("find") if "atClusterTime" in read.get("readConcern", {})]
    assert SNAPSHOT in result.ways
    assert "by snapshot reads" in sentences(result)
    assert len({str(read["readConcern"]["atClusterTime"]) for read in reads}) == 1
    assert not any("afterClusterTime" in read["readConcern"] for read in reads)


def test_snapshot_reads_that_are_not_kept_are_found_out() -> None:
    with Scripted(hello=ROUTER, **Kept(honest=False).answers) as server:
        assert outcome(server, probe=True).ways == ()


def test_a_server_that_keeps_the_moment_of_one_collection_only_is_found_out() -> None:
    honest, forgetful = Kept(), Kept(honest=False)
    forgetful._states = honest._states
    first: list[str] = []

    def find(command: dict[str, Any]) -> Any:
        if "atClusterTime" in command.get("readConcern", {}):
            first.append(command["find"])
        store = honest if first[:1] == [command["find"]] else forgetful
        return store.answers["find"](command)

    def more(command: dict[str, Any]) -> Any:
        store = honest if command["getMore"] in honest._cursors else forgetful
        return store.answers["getMore"](command)

    with (
        Scripted(hello=ROUTER, **{**honest.answers, "find": find, "getMore": more}) as server,
        connected(Access(address=server.address), pool=2) as client,
    ):
        assert not moment.prove(client, SNAPSHOT)
    assert len(first) == 2


def test_a_server_that_refuses_both_ways_proves_none() -> None:
    """A standalone MongoDB refuses transactions and snapshot reads."""
    kept = Kept().answers

    def find(command: dict[str, Any]) -> Any:
        if command.get("readConcern", {}).get("level") == "snapshot":
            return refuse(20, "IllegalOperation", "Transaction numbers are only allowed on a replica set")(command)
        return kept["find"](command)

    with Scripted(**{**kept, "find": find}) as server:
        result = outcome(server, probe=True)
    assert result.ways == ()
    assert "does not keep one moment" in sentences(result)


def test_writes_that_no_majority_confirms_leave_the_rest_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing_connection, "TOTAL", 1.0)
    with Scripted(**Kept().answers) as server:

        def wait_for_majority(command: dict[str, Any]) -> Any:
            assert command["writeConcern"]["w"] == "majority"
            server.silent.set()
            return {"n": 0}

        server.answers["insert"] = wait_for_majority
        result = outcome(server, probe=True)
    assert result.ways == ()
    assert "did not confirm the test's writes in time" in sentences(result)


def scratch_collections(server: Scripted) -> tuple[set[str], set[str]]:
    """Return those that documents were inserted into, and those that were dropped after that."""
    names = [(next(iter(command)), command) for command in server.commands]
    first = next(at for at, (name, _) in enumerate(names) if name == "insert")
    inserted, dropped = (
        {command[kind] for name, command in names[first:] if name == kind} for kind in ("insert", "drop")
    )
    return inserted, dropped


def unconfirmed(code: int, text: str) -> dict[str, Any]:
    return {"n": 1, "nModified": 1, "writeConcernError": {"code": code, "errmsg": text}}


@pytest.mark.parametrize("command", ["insert", "update", "delete"])
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refuse(10107, "NotWritablePrimary"), "no longer the primary"),
        (refuse(20, "IllegalOperation", "Writes are blocked"), "refused: Writes are blocked."),
        (unconfirmed(100, "Not enough data-bearing nodes"), "refused: Not enough data-bearing nodes."),
        ({"n": 0, "writeErrors": [{"index": 0, "code": 121, "errmsg": "No room"}]}, "refused: No room."),
    ],
)
def test_a_write_of_the_probe_that_fails_is_a_finding(command: str, answer: Any, says: str) -> None:
    with Scripted(hello=ROUTER, **Kept().answers | {command: answer}) as server:
        result = outcome(server, probe=True)
        inserted, dropped = scratch_collections(server)
    assert result.ways == ()
    (finding,) = [each for each in result.findings if "a write of the test failed" in str(each.message)]
    assert finding.tone == testing_connection.WARN
    assert says in str(finding.message) and "backups are not of one moment" in str(finding.message)
    assert inserted <= dropped


def test_a_driver_that_cannot_write_so_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def prove(*_: Any) -> bool:
        raise ConfigurationError("Sessions are not supported by this MongoDB deployment")

    monkeypatch.setattr(moment, "prove", prove)
    with Scripted() as server:
        result = outcome(server, probe=True)
    assert "a write of the test failed: " in sentences(result) and "Sessions are not supported" in sentences(result)


def test_a_deployment_that_is_gone_in_the_middle_of_the_probe_fails_the_test() -> None:
    with Scripted(**Kept().answers | {"update": hang_up}) as server, pytest.raises(EngineError, match="closed"):
        outcome(server, probe=True)


def test_scratch_collections_are_dropped_after_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A majority is missing: the server keeps what was inserted, and confirms nothing."""
    monkeypatch.setattr(testing_connection, "TOTAL", 1.0)
    given_up = threading.Event()
    kept = Kept().answers

    def insert(command: dict[str, Any]) -> Any:
        given_up.wait(10)
        return kept["insert"](command)

    def drop(command: dict[str, Any]) -> Any:
        if server.named("insert"):
            given_up.set()
            assert command["writeConcern"]["w"] == 1
        return kept["drop"](command)

    with Scripted(**kept | {"insert": insert, "drop": drop}) as server:
        result = outcome(server, probe=True)
        assert given_up.is_set()
        inserted, dropped = scratch_collections(server)
    assert inserted <= dropped
    assert "did not confirm the test's writes in time" in sentences(result)


def test_scratch_collections_are_dropped_after_an_election() -> None:
    once = {"left": True}

    def drop(command: dict[str, Any]) -> Any:
        if server.named("insert") and once.pop("left", False):
            return refuse(10107, "NotWritablePrimary")(command)
        return {}

    with Scripted(**Kept().answers | {"drop": drop}) as server, connected(Access(address=server.address)) as client:
        moment.prove(client, SNAPSHOT)
        names = [command["drop"] for command in server.named("drop")]
    assert not once
    assert names[1:] == [names[0], names[2]] * 2


@pytest.mark.parametrize(
    ("code", "name", "parameter"),
    [
        (239, "SnapshotTooOld", "minSnapshotHistoryWindowInSeconds"),
        (251, "NoSuchTransaction", "transactionLifetimeLimitSeconds"),
        (290, "TransactionExceededLifetimeLimitSeconds", "transactionLifetimeLimitSeconds"),
    ],
)
def test_a_moment_that_became_too_old_says_what_to_raise(code: int, name: str, parameter: str) -> None:
    with Scripted(find=cursor({"_id": 1}, more=7), getMore=refuse(code, name)) as server:
        assert f"Raise the server parameter {parameter}" in why_not(Access(address=server.address))


def test_readers_of_a_snapshot_run_in_parallel_at_one_time() -> None:
    with Scripted(hello=ROUTER, **Kept().answers) as server:
        with connected(Access(address=server.address), pool=3) as client, moment.open(client, SNAPSHOT) as opened:
            everyone = threading.Barrier(3)

            def read() -> None:
                with opened.reader() as (session, concern):
                    everyone.wait(10)
                    list(client.shop.orders.with_options(read_concern=concern).find({}, session=session))

            threads = [threading.Thread(target=read) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        reads = server.named("find")[1:]
    assert len({str(read["readConcern"]["atClusterTime"]) for read in reads}) == 1


# --- Failures in the middle ----------------------------------------------------------------------------------


def test_a_read_begins_again_at_the_new_primary() -> None:
    first, second = Scripted(), Scripted(find=cursor({"_id": 1}))

    def step_down(_command: dict[str, Any]) -> Any:
        elect(second, first)
        raise CloseConnection

    first.answers["find"] = step_down
    with replica_set(first, second) as address, connected(Access(address=address), seconds=10) as client:
        assert list(client.shop.orders.find({})) == [{"_id": 1}]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (refuse(10107, "NotWritablePrimary"), "no longer the primary"),
        (refuse(11602, "InterruptedDueToReplStateChange"), "starting, stopping or recovering"),
        (refuse(43, "CursorNotFound", "cursor id 7 not found"), "lost the position of the read"),
        (refuse(50, "MaxTimeMSExpired"), "did not answer in time"),
        (refuse(14031, "OutOfDiskSpace"), "The disk of a server of the deployment is full."),
        (hang_up, "could not be reached: connection closed."),
    ],
)
def test_a_failure_in_the_middle_of_a_read_is_said(answer: Any, says: str) -> None:
    with Scripted(find=cursor({"_id": 1}, more=7), getMore=answer) as server:
        assert says in why_not(Access(address=server.address))


def test_an_answer_that_does_not_come_ends_in_time() -> None:
    with Scripted() as server:

        def fall_silent(_command: dict[str, Any]) -> Any:
            server.silent.set()
            return cursor({"_id": 1}, more=7)

        server.answers["find"] = fall_silent
        assert "did not answer in time" in why_not(Access(address=server.address), seconds=0.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bad auth : authentication failed", "rejected the user agent: the password is wrong"),
        ("user is not allowed to do action [find] on [shop.orders]", "The user agent lacks a privilege"),
        ("you are over your quota", "The database server refused: you are over your quota."),
    ],
)
def test_atlas_has_one_number_for_all_that_it_refuses(text: str, says: str) -> None:
    error = OperationFailure(text, 8000, {"code": 8000, "errmsg": text})
    assert says in explain(error, Access(address="mongodb://h:1/", user="agent", password="x"))


# --- Secrets and rights --------------------------------------------------------------------------------------


def test_an_error_that_repeats_the_password_does_not_show_it() -> None:
    repeats = refuse(9, "FailedToParse", f"cannot parse mongodb://agent:{PASSWORD}@h with {PASSWORD!r}")
    with Scripted(find=repeats) as server:
        says = why_not(Access(address=server.address, password=PASSWORD))
    assert says == "The database server refused: cannot parse mongodb://***@h with '***'."


def test_an_error_of_writes_shows_no_document_and_is_not_endless() -> None:
    failed = {"index": 0, "code": 121, "errmsg": "Document failed validation " * 100}
    with (
        Scripted(insert={"n": 0, "writeErrors": [failed]}) as server,
        pytest.raises(EngineError) as refused,
        connected(Access(address=server.address)) as client,
    ):
        client.shop.orders.insert_many([{"secret": "hunter2"}])
    assert "refused: Document failed validation Document" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        "p%40ss%20w%2Frd%3F",
        "p%40ss%20w/rd%3F",
        "p%40ss+w%2Frd%3F",
        f"mongodb+srv://user:{PASSWORD}@host/",
        f"{{'pwd': {PASSWORD!r}}}",
    ],
)
def test_no_spelling_of_the_password_is_shown(text: str) -> None:
    shown = redact(f"before {text} after", Access(address="", password=PASSWORD))
    assert "***" in shown
    assert "w/rd" not in shown
    assert "w%2Frd" not in shown
    assert shown.startswith("before ")


def test_a_private_key_is_not_shown() -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\nMIIabc\n-----END EC PRIVATE KEY-----"
    assert redact(f"bad {key} here") == "bad *** here"
    assert redact(f"bad {key[:40]}") == "bad ***"


ANY = {"db": "", "collection": ""}


def granted(*pairs: tuple[dict[str, Any], tuple[str, ...]]) -> dict[str, Any]:
    rights = [{"resource": resource, "actions": list(actions)} for resource, actions in pairs]
    user = [{"user": "u", "db": "admin"}]
    roles = [{"role": "own", "db": "admin"}]
    info = {"authenticatedUsers": user, "authenticatedUserRoles": roles, "authenticatedUserPrivileges": rights}
    return {"authInfo": info}


LISTS = ({"cluster": True}, ("listDatabases",))


@pytest.mark.parametrize(
    ("status", "backup"),
    [
        (granted(LISTS, (ANY, privileges.BACKUP)), []),
        (granted(LISTS, ({"anyResource": True}, privileges.BACKUP)), []),
        (granted((ANY, privileges.BACKUP)), ["listDatabases"]),
        (granted(LISTS, (ANY, privileges.BACKUP[1:])), ["listCollections on office, shop"]),
        (
            granted(LISTS, ({"db": "shop", "collection": ""}, privileges.BACKUP)),
            [f"{action} on office" for action in privileges.BACKUP],
        ),
    ],
)
def test_privileges_as_mongodb_lists_them(status: dict[str, Any], backup: list[str]) -> None:
    databases = {"databases": [{"name": "shop"}, {"name": "office"}, {"name": "local"}]}
    with (
        Scripted(connectionStatus=status, listDatabases=databases) as server,
        connected(Access(address=server.address)) as client,
    ):
        assert privileges.missing(client, with_users=False).backup == backup


def test_users_and_roles_need_privileges_of_their_own() -> None:
    with Scripted(connectionStatus=granted(LISTS, (ANY, privileges.BACKUP))) as server:
        with connected(Access(address=server.address)) as client:
            missing = privileges.missing(client, with_users=True)
        users, version = (({"db": "admin", "collection": f"system.{name}"}, ("find",)) for name in ("users", "version"))
        roles = ({"db": "", "collection": "system.roles"}, ("find",))
        server.answers["connectionStatus"] = granted(LISTS, (ANY, privileges.BACKUP), users, roles, version)
        with connected(Access(address=server.address)) as client:
            assert privileges.missing(client, with_users=True).backup == []
    assert missing.backup == [f"find on admin.system.{name}" for name in ("users", "roles", "version")]


# What MongoDB's roles may do in all databases, of what concerns a restoration.
MAY: dict[str, tuple[str, ...]] = {
    "restore": (
        "bypassDocumentValidation",
        "collMod",
        "convertToCapped",
        "createCollection",
        "createIndex",
        "dropCollection",
        "insert",
    ),
    "readWriteAnyDatabase": (
        "collStats",
        "find",
        "listCollections",
        "listIndexes",
        "convertToCapped",
        "createCollection",
        "createIndex",
        "dropCollection",
        "insert",
        "remove",
        "renameCollectionSameDB",
        "update",
    ),
    "dbAdminAnyDatabase": (
        "bypassDocumentValidation",
        "collMod",
        "collStats",
        "convertToCapped",
        "createCollection",
        "createIndex",
        "dropCollection",
        "listCollections",
        "listIndexes",
        "renameCollectionSameDB",
    ),
    "root": (),
    "own": (),
}


@pytest.mark.parametrize("lists_privileges", [True, False])
@pytest.mark.parametrize(
    ("roles", "lacking"),
    [
        ({"restore"}, ["find", "remove", "renameCollectionSameDB", "listIndexes"]),
        ({"readWriteAnyDatabase"}, ["bypassDocumentValidation"]),
        ({"dbAdminAnyDatabase"}, ["insert", "find", "remove"]),
        ({"restore", "readWriteAnyDatabase"}, []),
        ({"dbAdminAnyDatabase", "readWriteAnyDatabase"}, []),
        ({"own"}, list(privileges.RESTORE)),
        ({"root"}, []),
    ],
)
def test_what_a_restoration_lacks(roles: set[str], lacking: list[str], lists_privileges: bool) -> None:
    """MongoDB lists the privileges that roles have; other servers list only the roles."""
    pairs = [LISTS, *((ANY, MAY[role]) for role in roles), ({"anyResource": True}, ("listCollections",))]
    if roles == {"root"}:
        pairs.append((ANY, privileges.RESTORE))
    if roles == {"own"}:
        pairs = [LISTS]
    status = granted(*pairs if lists_privileges else ())
    status["authInfo"]["authenticatedUserRoles"] = [{"role": role, "db": "admin"} for role in sorted(roles)]
    with Scripted(connectionStatus=status) as server, connected(Access(address=server.address)) as client:
        assert privileges.missing(client, with_users=False).restore == lacking
