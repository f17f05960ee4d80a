"""A restoration over a deployment, and what it changes there."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from bson import Code

from instances.engines.base import Client, Collection, Contents, Database
from instances.engines.deployment import exchange, journal
from instances.engines.deployment.mongodump import VIEW
from tests.instances.engines.deployment.dumps import Dumped, dump_of

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
