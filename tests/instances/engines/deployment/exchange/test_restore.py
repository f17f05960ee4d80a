"""A restore over the original replaces everything or nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import OperationFailure
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from instances.engines.base import Client, Collection, Contents, Database, EngineError
from instances.engines.deployment import exchange, journal
from instances.engines.deployment.mongodump import TIME_SERIES, VIEW
from instances.engines.deployment.privileges import RESTORE
from tests.deployments import Deployment
from tests.instances.engines.deployment.dumps import Dumped, dump_of
from tests.instances.engines.deployment.exchange.restoring import DUMP, RESTORED, expected, restore, settle, state
from tests.instances.engines.servers import Server


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


def test_what_other_clients_create_in_the_way_is_replaced(client: Client, tmp_path: Path, once_planned: Any) -> None:
    def create(_planned: journal.Journal) -> None:
        client.shop.drop_collection("was_collection")
        for name in ("was_collection", "dots.and spaces ü"):
            client.shop[name].insert_one({"_id": 99})

    once_planned(create)

    restore(client, tmp_path)

    assert state(client) == RESTORED


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
