"""A restore over the original replaces everything or nothing, whatever ends in the middle of it."""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from bson import Code
from pymongo.database import Database as DriverDatabase
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from instances.engines import deployment
from instances.engines.base import Client, Collection, Contents, Database, EngineError
from instances.engines.deployment import exchange, journal
from instances.engines.deployment.mongodump import TIME_SERIES, VIEW
from instances.engines.deployment.privileges import RESTORE
from tests.deployments import Deployment
from tests.instances.engines.deployment.dumps import Dumped, dump_of
from tests.instances.engines.servers import Server

TAG = "4711"
ADDRESS, MOVED = "mongodb://db.example.org/", "mongodb://elsewhere.example.org/"
State = dict[str, Any]

DUMP = (
    Dumped("orders", [{"_id": 1}, {"_id": 2}], {"validator": {"a": 1}}, [{"key": {"a": 1}, "name": "a_1"}]),
    Dumped("was_view", [{"_id": 1}]),
    Dumped("was_collection", (), {"viewOn": "orders", "pipeline": [{"$match": {"_id": 2}}]}, type=VIEW),
    Dumped("dots.and spaces ü", [{"_id": 1}], {"capped": True, "size": 8192}),
    Dumped("system.js", [{"_id": "new", "value": Code("return 2")}]),
    Dumped("empty", database="second"),
)
COUNTS = {"orders": 2, "was_view": 1, "dots.and spaces ü": 1, "system.js": 1}
# The journal and the writes of one restore of DUMP, in their order.
STEPS = 51


def expected() -> Contents:
    """Return the contents that the backup lists."""
    databases: dict[str, list[Collection]] = {}
    for each in sorted(DUMP, key=lambda dumped: dumped.name):
        names = () if each.type == VIEW else ("_id_", *(index["name"] for index in each.indexes))
        databases.setdefault(each.database, []).append(Collection(each.name, COUNTS.get(each.name, 0), names))
    return Contents(tuple(Database(name, tuple(found)) for name, found in sorted(databases.items())))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("original") / "home") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of a deployment with data that the backup replaces."""
    with server.client(serverSelectionTimeoutMS=1000) as client:
        for name in set(client.list_database_names()) - {"admin", "config", "local"}:
            client.drop_database(name)
        shop = client.shop
        shop.orders.insert_many([{"_id": number} for number in range(10, 13)])
        shop.orders.create_index("b")
        shop.was_collection.insert_one({"_id": 10})
        shop.command("create", "was_view", viewOn="orders", pipeline=[])
        shop.command("create", "other_view", viewOn="orders", pipeline=[])
        shop["system.js"].insert_one({"_id": "old", "value": Code("return 1")})
        client.gone.things.insert_one({"_id": 10})
        client.gone["system.js"].insert_one({"_id": "gone", "value": Code("return 1")})
        client.admin.tools.replace_one({"_id": 10}, {}, upsert=True)
        yield client


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("other") / "home") as running:
        yield running


@pytest.fixture
def other(other_server: Server) -> Iterator[Client]:
    """A client of another deployment, with the names that an exchange replaces and drops."""
    with other_server.client() as client:
        for name in set(client.list_database_names()) - {"admin", "config", "local"}:
            client.drop_database(name)
        client.shop.orders.insert_one({"_id": 1})
        client.shop.command("create", "other_view", viewOn="orders", pipeline=[])
        client.gone.things.insert_one({"_id": 1})
        for database in (client.shop, client.gone):
            database["system.js"].insert_one({"_id": "other", "value": Code("return 1")})
        yield client


def state(client: Client) -> State:
    """Return everything that the deployment has: options, indexes and documents."""
    found: State = {}
    for database in sorted(set(client.list_database_names()) - {"config", "local"}):
        for each in client[database].cursor_command("listCollections"):
            name, view = each["name"], each["type"] == "view"
            listed: Iterable[Any] = [] if view else client[database].cursor_command("listIndexes", name)
            documents = sorted(map(str, client[database].cursor_command("find", name)))
            if not (database == "admin" and name.startswith("system.")) and (documents or name != "system.js"):
                found[f"{database}.{name}"] = (
                    each["options"],
                    sorted(index["name"] for index in listed),
                    documents,
                )
    return found


RESTORED: State = {
    "admin.tools": ({}, ["_id_"], ["{'_id': 10}"]),
    "second.empty": ({}, ["_id_"], []),
    "shop.dots.and spaces ü": ({"capped": True, "size": 8192}, ["_id_"], ["{'_id': 1}"]),
    "shop.orders": ({"validator": {"a": 1}}, ["_id_", "a_1"], ["{'_id': 1}", "{'_id': 2}"]),
    "shop.system.js": ({}, ["_id_"], ["{'_id': 'new', 'value': Code('return 2', None)}"]),
    "shop.was_collection": ({"viewOn": "orders", "pipeline": [{"$match": {"_id": 2}}]}, [], ["{'_id': 2}"]),
    "shop.was_view": ({}, ["_id_"], ["{'_id': 1}"]),
}


def restore(client: Client, directory: Path, **changes: Any) -> Contents:
    options: dict[str, Any] = {
        "blocks": dump_of(*DUMP),
        "expected": expected,
        "report": lambda _documents: None,
    } | changes
    return exchange.restore(client, **options, tag=TAG, directory=directory, address=ADDRESS)


def settle(client: Client, directory: Path, *, address: str = ADDRESS) -> bool:
    return exchange.settle(client, directory, address=address)


MARK = "gone.console.restore.4711.mark"
ELSEWHERE = f"does not have the mark of the interrupted restoration, the collection {re.escape(MARK)}, so"


class Died(BaseException):
    """The end of the agent's process."""


@pytest.fixture
def die_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Return a function that ends the agent before its nth step; it returns the list that the steps are added to."""
    steps: list[str] = []
    last = 0

    def step(name: str) -> None:
        if len(steps) >= last:
            raise Died
        steps.append(name)

    def arm(number: int) -> list[str]:
        nonlocal last
        last = number
        command, cursor_command, write, remove = (
            DriverDatabase.command,
            DriverDatabase.cursor_command,
            journal.write,
            journal.remove,
        )

        def wrapped(original: Any, name: Callable[..., str]) -> Any:
            def call(*arguments: Any, **options: Any) -> Any:
                step(name(*arguments))
                return original(*arguments, **options)

            return call

        monkeypatch.setattr(DriverDatabase, "command", wrapped(command, lambda _database, name, *_: name))
        monkeypatch.setattr(journal, "write", wrapped(write, lambda _directory, written: written.state))
        monkeypatch.setattr(journal, "remove", wrapped(remove, lambda _directory: "remove"))

        def read(*arguments: Any, **options: Any) -> Any:
            if len(steps) >= last:
                raise Died
            return cursor_command(*arguments, **options)

        monkeypatch.setattr(DriverDatabase, "cursor_command", read)
        return steps

    return arm


def test_a_restored_deployment_has_what_the_backup_has_and_nothing_else(client: Client, tmp_path: Path) -> None:
    contents = restore(client, tmp_path)

    assert state(client) == RESTORED
    assert contents == expected()
    assert settle(client, tmp_path)
    exchange.forget(tmp_path)
    assert not list(tmp_path.iterdir())
    assert not settle(client, tmp_path)


class Commands(CommandListener):
    """The commands that a driver sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        # The driver empties those that sign in.
        if event.command:
            self.sent.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


# The privilege that MongoDB asks for each command that a restoration sends; hello and the like need none.
NEEDS = {
    "insert": "insert",
    "find": "find",
    "count": "find",
    "delete": "remove",
    "create": "createCollection",
    "createIndexes": "createIndex",
    "drop": "dropCollection",
    "renameCollection": "renameCollectionSameDB",
    "listCollections": "listCollections",
    "listIndexes": "listIndexes",
}


@pytest.mark.usefixtures("client")
def test_a_restoration_needs_the_privileges_that_test_connection_looks_for(server: Server, tmp_path: Path) -> None:
    commands = Commands()
    with server.client(event_listeners=[commands]) as listened:
        restore(listened, tmp_path)
    sent = {next(iter(command)) for command in commands.sent}
    # Backups need listDatabases too.
    assert sent - NEEDS.keys() <= {"hello", "buildInfo", "listDatabases", "getMore", "endSessions"}
    needed = {NEEDS[name] for name in sent & NEEDS.keys()}
    needed |= {"convertToCapped" for command in commands.sent if command.get("capped")}
    needed |= {"bypassDocumentValidation" for command in commands.sent if command.get("bypassDocumentValidation")}
    assert needed == set(RESTORE)
    # MongoDB's roles for all databases may bypass the validator of no system collection.
    functions = [command for command in commands.sent if command.get("insert") == "system.js"]
    assert functions and not any(command["bypassDocumentValidation"] for command in functions)


def test_the_steps_are_counted(client: Client, tmp_path: Path, die_before: Callable[[int], list[str]]) -> None:
    steps = die_before(10_000)

    restore(client, tmp_path)

    assert len(steps) == STEPS, steps


@pytest.fixture(params=[True, False], ids=["UUIDs", "no UUIDs"])
def uuids(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the test with a server that lists UUIDs, and with one that lists none."""
    with pytest.MonkeyPatch.context() as patched:
        if not request.param:
            patched.setattr(exchange, "_uuid", lambda _found: "")
        yield


@pytest.mark.usefixtures("uuids")
@pytest.mark.parametrize("number", range(STEPS))
def test_a_crash_of_the_agent_leaves_the_old_or_the_restored_data(
    client: Client,
    other: Client,
    tmp_path: Path,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    die_before: Callable[[int], list[str]],
) -> None:
    before, elsewhere = state(client), state(other)
    steps = die_before(number)
    with pytest.raises(Died):
        restore(client, tmp_path)
    monkeypatch.undo()
    begun, marked = "exchanging" in steps, "loading" in steps and "restored" not in steps
    assert exchange.unsettled(tmp_path) == bool(list(tmp_path.glob("exchange.json")))

    if marked:
        with pytest.raises(EngineError, match=ELSEWHERE):
            settle(other, tmp_path, address=MOVED)
    assert state(other) == elsewhere

    # The next agent may crash as well, anywhere.
    die_before((number * 7) % 11)
    with pytest.raises(Died):
        settle(client, tmp_path)
        raise Died
    monkeypatch.undo()

    assert settle(client, tmp_path) == begun
    assert state(client) == (RESTORED if begun else before)
    assert not exchange.unsettled(tmp_path)


def test_a_server_that_is_killed_while_it_loads_keeps_its_old_data(
    server: Server, client: Client, tmp_path: Path
) -> None:
    before = state(client)

    def kill(documents: int) -> None:
        if documents == 3:
            server.kill()

    with pytest.raises(PyMongoError):
        restore(client, tmp_path, report=kill)
    with pytest.raises(PyMongoError):
        settle(client, tmp_path)
    server.start()

    assert not settle(client, tmp_path)
    assert state(client) == before


@pytest.mark.parametrize("seconds", [0, 0.02])
def test_a_server_that_is_killed_while_it_exchanges_has_the_restored_data(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    command = DriverDatabase.command

    def killing(database: Any, name: Any, *arguments: Any, **options: Any) -> Any:
        if options.get("to") == "shop.orders":
            killer = threading.Timer(seconds, server.kill)
            killer.start()
            if not seconds:
                killer.join()
        return command(database, name, *arguments, **options)

    monkeypatch.setattr(DriverDatabase, "command", killing)
    with pytest.raises(AutoReconnect):
        restore(client, tmp_path)
        server.running.wait()
        client.admin.command("ping")
    monkeypatch.undo()
    server.start()

    assert settle(client, tmp_path)
    assert state(client) == RESTORED


def test_a_server_that_restarts_in_mid_restore_has_all_or_nothing_of_it(
    server: Server, client: Client, tmp_path: Path
) -> None:
    after = state(client)

    def restart(documents: int) -> None:
        if documents == 3:
            server.kill()
            server.start()

    # The driver may have noticed that its connection is gone, and then uses another one.
    with suppress(AutoReconnect):
        restore(client, tmp_path, report=restart)
        after = RESTORED

    assert state(client) == after
    assert not exchange.unsettled(tmp_path)


def test_a_restore_can_be_given_up_while_it_loads(client: Client, tmp_path: Path) -> None:
    before = state(client)

    def give_up(documents: int) -> None:
        if documents == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(client, tmp_path, report=give_up)

    assert state(client) == before
    assert not list(tmp_path.iterdir())


def test_a_dump_that_is_not_what_the_backup_lists_changes_nothing(client: Client, tmp_path: Path) -> None:
    before = state(client)

    with pytest.raises(
        EngineError, match=r"The dump has the collection second\.empty, but the backup does not list it"
    ):
        restore(client, tmp_path, expected=lambda: Contents(expected().databases[1:]))

    assert state(client) == before


def test_a_view_that_the_server_rejects_changes_nothing(client: Client, tmp_path: Path) -> None:
    before = state(client)
    view = Dumped("broken", (), {"viewOn": "orders", "pipeline": [], "flavour": 1}, type=VIEW)

    with pytest.raises(EngineError, match=r"The view shop\.broken cannot be created"):
        restore(client, tmp_path, blocks=dump_of(*DUMP, view))

    assert state(client) == before


@pytest.mark.parametrize(
    ("blocks", "sentence"),
    [
        (
            dump_of(Dumped("weather", (), {"timeseries": {"timeField": "t"}}, type=TIME_SERIES)),
            r"shop\.weather cannot be restored over the original",
        ),
        (dump_of(Dumped("secret", (), {"encryptedFields": {}})), r"shop\.secret cannot be restored over the original"),
        (dump_of(*DUMP, version="9.0.0"), "The backup is of MongoDB 9.0.0, but the target is version"),
    ],
    ids=["time series", "encrypted", "newer version"],
)
def test_what_cannot_be_exchanged_is_refused(
    client: Client, tmp_path: Path, blocks: Iterator[memoryview], sentence: str
) -> None:
    before = state(client)

    with pytest.raises(EngineError, match=sentence):
        restore(client, tmp_path, blocks=blocks)

    assert state(client) == before


def test_a_server_that_loses_options_when_it_renames_is_refused(replica_set: Deployment, tmp_path: Path) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_one({"_id": 10})

        with pytest.raises(EngineError, match=r"loses the options .* the collection shop\.orders cannot be restored"):
            restore(client, tmp_path)

        assert client.shop.orders.find_one() == {"_id": 10}
        assert client.shop.list_collection_names() == ["orders"]


def test_a_database_that_the_user_cannot_change_is_found_before_anything_has_changed(
    replica_set: Deployment, tmp_path: Path
) -> None:
    roles = [{"role": role, "db": "shop"} for role in ("readWrite", "dbAdmin")]
    replica_set.create_user("limited", [*roles, {"role": "read", "db": "gone"}, "clusterMonitor"])
    with replica_set.client() as client, replica_set.client("limited") as limited:
        client.shop.orders.insert_one({"_id": 10})
        client.gone.things.insert_one({"_id": 10})
        before = state(client)

        with pytest.raises(OperationFailure, match="not authorized on gone"):
            restore(limited, tmp_path, blocks=dump_of(Dumped("orders", [{"_id": 1}])))

        assert state(client) == before and not exchange.unsettled(tmp_path)


def test_an_existing_deployment_is_restored_over_itself(replica_set: Deployment, tmp_path: Path) -> None:
    with replica_set.client() as client:
        client.shop.orders.insert_one({"_id": 10})
        client.gone.things.insert_one({"_id": 10})
        listed = Contents((Database("shop", (Collection("orders", 1, ("_id_", "a_1")),)),))
        dump = dump_of(Dumped("orders", [{"_id": 1}], indexes=[{"key": {"a": 1}, "name": "a_1"}]))

        restore(client, tmp_path, blocks=dump, expected=lambda: listed)

        assert state(client) == {"shop.orders": ({}, ["_id_", "a_1"], ["{'_id': 1}"])}


def restore_to_empty(client: Client, directory: Path, **changes: Any) -> None:
    listed = Contents((Database("shop", (Collection("orders", 1, ("_id_",)),)),))
    blocks = dump_of(Dumped("orders", [{"_id": 1}]))
    restore(client, directory, **{"blocks": blocks, "expected": lambda: listed, "empty": True} | changes)


def test_a_restore_to_an_empty_deployment_needs_one_without_data(replica_set: Deployment, tmp_path: Path) -> None:
    with replica_set.client() as client:
        restore_to_empty(client, tmp_path)
        exchange.forget(tmp_path)
        before = state(client)
        assert before == {"shop.orders": ({}, ["_id_"], ["{'_id': 1}"])}
        with pytest.raises(EngineError, match="it has the database shop"):
            restore_to_empty(client, tmp_path)
        assert state(client) == before and not exchange.unsettled(tmp_path)


def test_a_deployment_with_data_in_the_database_admin_is_not_empty(client: Client, tmp_path: Path) -> None:
    for name in ("shop", "gone"):
        client.drop_database(name)
    with pytest.raises(EngineError, match="it has the database admin"):
        restore_to_empty(client, tmp_path)
    assert list(state(client)) == ["admin.tools"] and not exchange.unsettled(tmp_path)


def test_what_a_client_creates_while_an_empty_deployment_is_loaded_stops_it(
    replica_set: Deployment, tmp_path: Path
) -> None:
    with replica_set.client() as client:

        def create(_documents: int) -> None:
            client.crm.people.replace_one({"_id": 5}, {}, upsert=True)

        with pytest.raises(EngineError, match="it has the database crm"):
            restore_to_empty(client, tmp_path, report=create)
        assert state(client) == {"crm.people": ({}, ["_id_"], ["{'_id': 5}"])}


@pytest.fixture
def once_planned(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[journal.Journal], object]], None]:
    """Return a function that sets what another client does just after the exchange is planned."""

    def do(work: Callable[[journal.Journal], object]) -> None:
        written = journal.write

        def write(directory: Path, planned: journal.Journal) -> None:
            written(directory, planned)
            if planned.state == journal.State.EXCHANGING:
                work(planned)

        monkeypatch.setattr(journal, "write", write)

    return do


def test_a_temporary_collection_that_another_client_drops_is_reported_once(
    client: Client, tmp_path: Path, once_planned: Any
) -> None:
    once_planned(lambda planned: client.shop.drop_collection(planned.moves[-1].temporary.collection))

    with pytest.raises(EngineError, match=r"Another client changed the collection shop\.was_view"):
        restore(client, tmp_path)

    assert settle(client, tmp_path)
    assert state(client) == {name: found for name, found in RESTORED.items() if name != "shop.was_view"}


def test_what_other_clients_create_in_the_way_is_replaced(client: Client, tmp_path: Path, once_planned: Any) -> None:
    def create(_planned: journal.Journal) -> None:
        client.shop.drop_collection("was_collection")
        for name in ("was_collection", "dots.and spaces ü"):
            client.shop[name].insert_one({"_id": 99})

    once_planned(create)

    restore(client, tmp_path)

    assert state(client) == RESTORED


def test_the_next_restore_finishes_an_interrupted_one_first(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, die_before: Callable[[int], list[str]]
) -> None:
    die_before(STEPS - 5)
    with pytest.raises(Died):
        restore(client, tmp_path)
    monkeypatch.undo()

    with pytest.raises(EngineError):
        restore(client, tmp_path, expected=lambda: Contents(()))

    assert state(client) == RESTORED


def test_a_journal_is_that_of_one_restoration(client: Client, tmp_path: Path) -> None:
    restore(client, tmp_path)

    assert deployment().journaled(tmp_path) and deployment().journaled(tmp_path, TAG)
    assert not deployment().journaled(tmp_path, "4712")


def only(dumped: Dumped) -> dict[str, Any]:
    """Return the options of a restore of this collection of the database shop alone."""
    listed = Contents((Database("shop", (Collection(dumped.name, 1, ("_id_",)),)),))
    return {"blocks": dump_of(dumped), "expected": lambda: listed}


def interrupt(client: Client, directory: Path, state: journal.State, **changes: Any) -> None:
    """End the agent of a restore before it writes this state into the journal."""
    written = journal.write

    def write(directory: Path, known: journal.Journal) -> None:
        if known.state == state:
            raise Died
        written(directory, known)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Died):
        patched.setattr(journal, "write", write)
        # The undoing of this restore would need an agent too.
        patched.setattr(exchange, "_undo", lambda *_: None)
        restore(client, directory, **changes)


def test_a_backup_without_collections_leaves_another_deployment_alone(
    client: Client, other: Client, tmp_path: Path
) -> None:
    elsewhere = state(other)
    scripts = Dumped("system.js", [{"_id": "new", "value": Code("return 2")}])
    interrupt(client, tmp_path, journal.State.RESTORED, **only(scripts))

    with pytest.raises(EngineError, match=ELSEWHERE):
        settle(other, tmp_path, address=MOVED)

    assert state(other) == elsewhere
    assert settle(client, tmp_path) and list(state(client)) == ["admin.tools", "shop.system.js"]


def test_an_empty_backup_leaves_another_deployment_alone(client: Client, other: Client, tmp_path: Path) -> None:
    elsewhere = state(other)
    interrupt(client, tmp_path, journal.State.RESTORED, blocks=dump_of(), expected=lambda: Contents(()))

    with pytest.raises(EngineError, match=ELSEWHERE):
        settle(other, tmp_path, address=MOVED)

    assert state(other) == elsewhere
    assert settle(client, tmp_path) and list(state(client)) == ["admin.tools"]


def test_an_empty_backup_is_restored_to_an_empty_deployment(replica_set: Deployment, tmp_path: Path) -> None:
    with replica_set.client() as client:
        restore_to_empty(client, tmp_path, blocks=dump_of(), expected=lambda: Contents(()))
        assert not state(client) and settle(client, tmp_path)


def test_a_deployment_is_known_again_whatever_its_clients_did_meanwhile(client: Client, tmp_path: Path) -> None:
    interrupt(client, tmp_path, journal.State.RESTORED, **only(Dumped("orders", [{"_id": 1}])))
    client.shop.orders.drop()
    client.shop.orders.insert_one({"_id": 5})

    with pytest.raises(EngineError, match=r"Another client changed the collection shop\.orders"):
        settle(client, tmp_path)

    assert settle(client, tmp_path) and not exchange.unsettled(tmp_path)
    assert state(client)["shop.orders"] == ({}, ["_id_"], ["{'_id': 5}"])


@pytest.mark.parametrize("interrupted", [journal.State.EXCHANGING, journal.State.RESTORED])
def test_creating_the_mark_again_lets_the_agent_go_on(
    client: Client, tmp_path: Path, interrupted: journal.State
) -> None:
    before = state(client)
    interrupt(client, tmp_path, interrupted)
    client.gone.drop_collection("console.restore.4711.mark")
    for _repeated in range(2):
        with pytest.raises(EngineError, match=ELSEWHERE):
            settle(client, tmp_path, address=MOVED)

    client.gone.create_collection("console.restore.4711.mark")

    restored = interrupted == journal.State.RESTORED
    assert settle(client, tmp_path, address=MOVED) == restored
    assert state(client) == (RESTORED if restored else before)


def test_a_mark_that_a_crash_has_lost_is_not_missed_where_the_address_is_the_same(
    client: Client, tmp_path: Path
) -> None:
    """A server that keeps less than it acknowledged loses what it wrote last."""
    before = state(client)
    interrupt(client, tmp_path, journal.State.EXCHANGING)
    client.gone.drop_collection("console.restore.4711.mark")

    assert not settle(client, tmp_path)

    assert state(client) == before and not exchange.unsettled(tmp_path)


def test_a_journal_from_before_there_were_marks_needs_one(client: Client, tmp_path: Path) -> None:
    before = state(client)
    interrupt(client, tmp_path, journal.State.EXCHANGING)
    path = tmp_path / journal.NAME
    old = json.loads(path.read_text())
    del old["mark"], old["address"]
    path.write_text(json.dumps(old))
    with pytest.raises(EngineError, match=r"the collection admin\.console\.restore\.4711\.mark"):
        settle(client, tmp_path)

    client.admin.create_collection("console.restore.4711.mark")

    assert not settle(client, tmp_path) and state(client) == before


def test_what_an_interrupted_write_of_the_journal_has_left_goes_with_it(client: Client, tmp_path: Path) -> None:
    interrupt(client, tmp_path, journal.State.LOADING)
    (tmp_path / "exchange.json.new").write_text("{")

    assert not settle(client, tmp_path)

    assert not list(tmp_path.iterdir())


def test_a_full_disk_of_the_agent_changes_nothing(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, written = state(client), journal.write

    def write(directory: Path, planned: journal.Journal) -> None:
        if list(directory.iterdir()):
            raise OSError("No space left on device")
        written(directory, planned)

    monkeypatch.setattr(journal, "write", write)
    with pytest.raises(OSError, match="No space left"):
        restore(client, tmp_path)

    assert state(client) == before
    assert not list(tmp_path.iterdir())


def test_a_damaged_journal_is_reported_with_its_place(client: Client, tmp_path: Path) -> None:
    (tmp_path / "exchange.json").write_text('{"tag": "1"}')

    with pytest.raises(
        EngineError, match=f"The record of an unfinished restore in {tmp_path}/exchange.json is damaged"
    ):
        settle(client, tmp_path)
