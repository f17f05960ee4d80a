"""Load a dump into a server: the collections, their documents as they are, then the indexes, last the views."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import bson
from bson.errors import BSONError

from console.text.messages import Message
from instances.engines.base import Client, Collection, Contents, Database, EngineError
from instances.engines.deployment import building
from instances.engines.deployment.building import Lacks
from instances.engines.deployment.compare import SCRIPTS, SERVER_DATABASES, is_loaded
from instances.engines.deployment.mongodump import (
    VIEW,
    Definition,
    Documents,
    DumpDamaged,
    Entry,
    Namespace,
    Part,
    Prelude,
    parse,
)
from instances.engines.deployment.namespaces import database_names, database_of

Report = Callable[[int], None]
Rename = Callable[[Namespace], Namespace]


def load(
    client: Client,
    blocks: Iterator[memoryview],
    report: Report,
    *,
    rename: Rename | None = None,
    lacks: Lacks | None = None,
) -> Contents:
    """Load the dump that the blocks contain, and return what was loaded, under the dump's names.

    `report` gets the number of loaded documents, and may raise to give up. `rename` maps a collection's namespace to
    the one it is loaded as. With `lacks`, note indexes that the server rejects and options that it ignores, instead of
    raising EngineError. Users and roles are left out. The client has to wait for the answers of the longest index
    builds. Raises EngineError or what pymongo raises if the server fails.
    """
    loading = Loading(client, report, rename=rename, lacks=lacks)
    loading.read(parse(blocks))
    for view, definition in building.in_order(loading.views):
        building.create_view(client, view, loading.target(view.namespace), definition)
    return loading.contents()


class Loading:
    """Loads one dump, except for its views: read() adds them to `views`."""

    def __init__(
        self,
        client: Client,
        report: Report,
        *,
        rename: Rename | None = None,
        lacks: Lacks | None = None,
    ) -> None:
        self.client, self._report, self._rename = client, report, rename
        self._lacks = Lacks(tolerant=False) if lacks is None else lacks
        self.entries: dict[Namespace, tuple[Entry, Definition]] = {}
        self.views: list[tuple[Entry, Definition]] = []
        self.documents = 0
        self._bodies: dict[Namespace, Entry] = {}
        self._counts: dict[Namespace, int] = {}
        self._indexes: dict[Namespace, tuple[str, ...]] = {}

    def target(self, namespace: Namespace) -> Namespace:
        """Return the namespace that the collection is loaded as."""
        return self._rename(namespace) if self._rename else namespace

    def read(self, parts: Iterator[Part]) -> None:
        """Load all collections of a dump with their indexes. Raises EngineError."""
        for part in parts:
            if isinstance(part, Prelude):
                require_no_older_server(self.client, part.header.server_version)
                self._begin(part.entries)
            elif isinstance(part, Documents):
                self._insert(part)
        for entry, definition in self.entries.values():
            self._report(self.documents)
            target = self.target(entry.namespace)
            building.require_all(self.client, entry, target, definition, self._counts.get(entry.namespace, 0))
            self._indexes[entry.namespace] = building.build_indexes(self.client, entry, target, definition, self._lacks)

    def _begin(self, entries: tuple[Entry, ...]) -> None:
        for entry in filter(lambda entry: is_loaded(entry.namespace), entries):
            definition = _definition(entry)
            if entry.type == VIEW:
                self.views.append((entry, definition))
                continue
            self.entries[entry.namespace] = (entry, definition)
            self._bodies[entry.body] = entry
        for entry, definition in self.entries.values():
            self._report(self.documents)
            target = self.target(entry.namespace)
            if target.collection != SCRIPTS:
                building.create_collection(self.client, entry, target, definition, self._lacks)

    def _insert(self, documents: Documents) -> None:
        entry = self._bodies.get(documents.namespace)
        if entry is not None:
            target = self.target(entry.namespace)
            if entry.body != entry.namespace:
                # The body of a time series: its buckets.
                target = entry.body
            building.insert(self.client, target, documents, name=entry.namespace)
            self._counts[entry.namespace] = self._counts.get(entry.namespace, 0) + documents.count
            self.documents += documents.count
            self._report(self.documents)

    def contents(self) -> Contents:
        """Return what was loaded, views included."""
        collections = [
            (namespace, Collection(namespace.collection, self._counts.get(namespace, 0), self._indexes[namespace]))
            for namespace in self.entries
        ]
        collections += [(view.namespace, Collection(view.namespace.collection, 0)) for view, _ in self.views]
        databases: dict[str, list[Collection]] = {}
        for namespace, collection in sorted(collections, key=lambda each: each[0]):
            databases.setdefault(namespace.database, []).append(collection)
        return Contents(tuple(Database(name, tuple(found)) for name, found in databases.items()))


def _definition(entry: Entry) -> Definition:
    """Return the description of a collection. Raises DumpDamaged if no server can have it."""
    definition = entry.definition()
    try:
        bson.encode({"options": definition.options, "indexes": definition.indexes})
    except (BSONError, OverflowError, ValueError, TypeError, RecursionError) as error:
        why = f"metadata of {entry.namespace}: {error}"
        raise DumpDamaged(Message("deployment.dump_damaged", why=why)) from error
    return definition


def require_empty(client: Client, *, besides: str = "system.") -> None:
    """Raise EngineError, which names a database, if the deployment has collections that are not the server's own.

    Collections whose names begin with `besides` do not count.
    """
    for name in sorted(database_names(client) - SERVER_DATABASES):
        if any(not each["name"].startswith(("system.", besides)) for each in _collections(client, name)):
            raise EngineError(Message("deployment.not_empty", name=name))


def require_no_older_server(client: Client, version: str) -> None:
    """Raise EngineError if the server's major version is older than `version`, that of the dump's server."""
    target = str(client.admin.command("buildInfo")["version"])
    if _major(target) < _major(version):
        raise EngineError(Message("deployment.older_server", backup=version, target=target))


def _major(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0


def _collections(client: Client, database: str) -> list[dict[str, Any]]:
    return list(database_of(client, database).cursor_command("listCollections", nameOnly=True))
